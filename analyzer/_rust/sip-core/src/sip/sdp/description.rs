//! What a session description says.

use std::borrow::Cow;

use crate::problem::Code;
use crate::sip::preconditions::{Direction, Preconditions};

/// `o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>` (RFC 8866 §5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    pub username: Option<&'a [u8]>,
    pub session_id: Option<&'a [u8]>,
    /// Raised by one with every change (RFC 3264 §8); `None` where it is no number below 2^63.
    /// `1*DIGIT`, without a bound (§9): as sent.
    pub version: Option<&'a [u8]>,
    pub address: Option<&'a [u8]>,
}

/// What may stand in the session part and again, then stronger, under an `m=` line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level<'a> {
    /// Address of `c=`, without the TTL and count of multicast.
    pub connection: Option<&'a [u8]>,
    pub direction: Option<Direction>,
    /// `b=AS` (kbit/s).
    pub application_kbps: Option<i64>,
    /// `b=TIAS`, `b=RS`, `b=RR` (bit/s; RFC 3890, RFC 3556).
    pub tias_bps: Option<i64>,
    pub rs_bps: Option<i64>,
    pub rr_bps: Option<i64>,
    /// `a=setup` (RFC 4145).
    pub setup: Option<&'a [u8]>,
    /// `a=ice-ufrag` (RFC 8839).
    pub ice: bool,
}

impl<'a> Level<'a> {
    pub(super) fn or(self, session: &Level<'a>) -> Level<'a> {
        Level {
            connection: self.connection.or(session.connection),
            direction: self.direction.or(session.direction),
            application_kbps: self.application_kbps.or(session.application_kbps),
            tias_bps: self.tias_bps.or(session.tias_bps),
            rs_bps: self.rs_bps.or(session.rs_bps),
            rr_bps: self.rr_bps.or(session.rr_bps),
            setup: self.setup.or(session.setup),
            ice: self.ice || session.ice,
        }
    }
}

/// One `m=` line with what stands under it; what it does not say comes from the session part.
#[derive(Debug, Clone, Default)]
pub struct Media<'a> {
    pub media: Option<&'a [u8]>,
    /// 0: rejected, or taken out of use (RFC 3264 §6, §8.2).
    pub port: Option<i64>,
    /// `m=audio 49170/2`: that many pairs of ports.
    pub port_count: Option<i64>,
    pub proto: Option<&'a [u8]>,
    /// Payload types or format names, one blank between.
    pub formats: Option<Cow<'a, [u8]>>,
    /// The codec of each format, in the same order.
    pub codecs: Option<Vec<u8>>,
    /// `a=fmtp` values, joined by ` | `.
    pub fmtp: Option<Vec<u8>>,
    pub level: Level<'a>,
    /// `a=curr`, `a=des`, `a=conf` as sent, joined by `; `.
    pub preconditions: Option<Vec<u8>>,
    pub qos: Preconditions,
    pub ptime: Option<i64>,
    pub maxptime: Option<i64>,
    /// `a=rtcp` (RFC 3605).
    pub rtcp_port: Option<i64>,
    pub rtcp_mux: bool,
    /// `a=mid` (RFC 5888).
    pub mid: Option<&'a [u8]>,
    /// `a=candidate` lines (RFC 8839).
    pub candidates: i64,
    /// Suites of `a=crypto`, without keys.
    pub crypto: Option<Vec<u8>>,
    /// Payload types and encodings of `a=rtpmap`.
    pub(super) rtpmaps: Vec<(u8, &'a [u8])>,
    /// Those said, a bit each.
    pub(super) directions: u8,
}

impl Media<'_> {
    pub fn direction(&self) -> Direction {
        self.level.direction.unwrap_or(Direction::BOTH)
    }

    /// Its writer takes media: the direction says so, and the address is one. `c=0.0.0.0` is how RFC 2543 put a stream
    /// on hold (RFC 3264 §8.4); `::` and the domain `.invalid` are its successors (RFC 6157 §5).
    pub fn receives(&self) -> bool {
        let nowhere = self.level.connection.is_some_and(|address| {
            matches!(address, b"0.0.0.0" | b"::") || address.to_ascii_lowercase().ends_with(b".invalid")
        });
        self.direction().receives() && !nowhere
    }

    pub fn qos_pending(&self) -> bool {
        self.port != Some(0) && self.qos.pending()
    }
}

/// A session description taken apart.
#[derive(Debug, Clone, Default)]
pub struct Description<'a> {
    pub origin: Origin<'a>,
    pub media: Vec<Media<'a>>,
    /// What deviates, each code once, with its detail.
    pub oddities: Vec<(Code, String)>,
}

impl<'a> Description<'a> {
    /// It speaks of preconditions at all (RFC 3312 §4).
    pub fn has_preconditions(&self) -> bool {
        self.media.iter().any(|media| media.preconditions.is_some())
    }

    /// An accepted stream waits for a mandatory precondition.
    pub fn qos_pending(&self) -> bool {
        self.media.iter().any(Media::qos_pending)
    }

    /// Its writer may send on some stream.
    pub fn sends(&self) -> bool {
        self.media.iter().any(|media| media.port.is_some_and(|port| port > 0) && media.direction().sends())
    }
}
