//! The state of each sender: its key, and how often its numbers have rolled over (RFC 3711 §3.3).

use std::sync::Arc;

use hashbrown::HashMap;

use super::super::key::Key;
use super::super::turn::Place;
use super::keys::Keys;
use super::suite::Session;

/// Senders that are remembered; packets of later ones stay as they are.
const MAX_SENDERS: usize = 1 << 18;
/// A sender whose packets were not captured from their beginning may have rolled over so often before.
const ROLLOVERS: u32 = 4;
/// Failures in a row after each of which all keys are tried again; then after the 16th, the 32nd and so on.
const PATIENCE: u64 = 8;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// No key was announced for it, or it was cut: it is as it came.
    Not,
    /// It is authentic, and in clear.
    Clear,
    /// Keys were announced, and none of them authenticates it.
    Sealed,
}

/// What is known of the packets of a sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protection {
    /// Of the key that authenticated most lately.
    pub suite: Option<&'static str>,
    pub authentic: u64,
    /// No announced key authenticates them.
    pub refused: u64,
}

#[derive(Default)]
struct Sender {
    session: Option<Arc<Session>>,
    /// The highest number with its roll-overs, 48 bits.
    highest: u64,
    /// In a row.
    failures: u64,
    told: Protection,
}

/// What opens packets.
pub struct Srtp {
    keys: Arc<Keys>,
    senders: HashMap<Key, Sender>,
}

impl Srtp {
    /// Of keys that are all there.
    pub fn new(keys: Arc<Keys>) -> Self {
        Self { keys, senders: HashMap::new() }
    }

    pub fn told(&self, key: &Key) -> Protection {
        self.senders.get(key).map(|it| it.told).unwrap_or_default()
    }

    /// Opens a packet of RTP from one end to another into `out`.
    pub fn packet(&mut self, key: Key, ends: (Place, Place), time: i64, bytes: &[u8], out: &mut Vec<u8>) -> Opened {
        let Some((header, number)) = header(bytes).filter(|_| self.keys.concern(ends.0, ends.1)) else {
            return Opened::Not;
        };
        if self.senders.len() >= MAX_SENDERS && !self.senders.contains_key(&key) {
            return Opened::Not;
        }
        let sender = self.senders.entry(key).or_default();
        if let Some(session) = &sender.session {
            let likely = sender.index(number);
            if session.packet(bytes, header, (likely >> 16) as u32, out) {
                sender.opened(likely);
                return Opened::Clear;
            }
        }
        if sender.failures < PATIENCE || sender.failures.is_power_of_two() {
            let (known, likely) = (sender.session.is_some(), (sender.index(number) >> 16) as u32);
            for session in self.keys.of(ends.0, ends.1, time) {
                let around = if known { [likely, likely.wrapping_add(1), likely.saturating_sub(1)] } else { [0; 3] };
                let rollovers = around.into_iter().filter(|_| known).chain(0..ROLLOVERS);
                for rollovers in rollovers {
                    if session.packet(bytes, header, rollovers, out) {
                        sender.session = Some(session);
                        sender.highest = u64::from(rollovers) << 16 | u64::from(number);
                        sender.opened(sender.highest);
                        return Opened::Clear;
                    }
                }
            }
        }
        sender.failures += 1;
        sender.told.refused += 1;
        Opened::Sealed
    }

    /// Opens a compound packet of RTCP; its ends are those of the media, a port above or the same (RFC 3550 §11, RFC 5761).
    pub fn report(&mut self, ends: (Place, Place), time: i64, bytes: &[u8], out: &mut Vec<u8>) -> Opened {
        let below = |(ip, port): Place| (ip, port.wrapping_sub(1));
        for (src, dst) in [ends, (below(ends.0), below(ends.1))] {
            if self.keys.concern(src, dst) {
                let opened = self.keys.of(src, dst, time).iter().any(|session| session.report(bytes, out));
                return if opened { Opened::Clear } else { Opened::Sealed };
            }
        }
        Opened::Not
    }
}

impl Sender {
    /// The number with its roll-overs, by the highest one so far (§3.3.1, appendix A).
    fn index(&self, number: u16) -> u64 {
        let ahead = number.wrapping_sub(self.highest as u16) as i16;
        self.highest.checked_add_signed(i64::from(ahead)).unwrap_or_else(|| u64::from(number)) & 0xFFFF_FFFF_FFFF
    }

    fn opened(&mut self, index: u64) {
        self.highest = self.highest.max(index);
        self.failures = 0;
        self.told.authentic += 1;
        self.told.suite = self.session.as_ref().map(|it| it.suite.name);
    }
}

/// Bytes of the header with contributing sources and extension, and the number.
fn header(bytes: &[u8]) -> Option<(usize, u16)> {
    let (&[first, _, n1, n0], rest) = bytes.split_first_chunk::<4>()?;
    let sources = 12 + usize::from(first & 0x0F) * 4;
    let extension = match first & 0x10 {
        0 => 0,
        _ => {
            let [_, _, l1, l0] = bytes.get(sources..)?.first_chunk::<4>()?;
            4 + usize::from(u16::from_be_bytes([*l1, *l0])) * 4
        }
    };
    (rest.len() + 4 >= sources + extension).then_some((sources + extension, u16::from_be_bytes([n1, n0])))
}
