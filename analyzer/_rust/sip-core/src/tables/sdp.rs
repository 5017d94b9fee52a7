//! The table of session descriptions: one row for each distinct description of a scan and `m=` line.
//!
//! On the way through five hops a description is the same five times, and ten with retransmissions: each is known by the
//! hash of its bytes, read once, and stored once. Messages carry the hash.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::hash::{self, Keyed};
use crate::problem::Code;
use crate::sip::sdp::{Description, Media, Origin};
use crate::tables::columns::{Wanted, columns, record_batch};

columns! {
    struct Columns {
        sdp: Int = "_sdp", index: Int = "index", media: Text = "media", port: Int = "port", port_count: Int = "port_count",
        proto: Text = "proto", formats: Text = "formats", codecs: Text = "codecs", fmtp: Text = "fmtp",
        connection: Text = "connection", direction: Text = "direction", bandwidth_kbps: Int = "bandwidth_kbps",
        tias_bps: Int = "tias_bps", rs_bps: Int = "rs_bps", rr_bps: Int = "rr_bps", preconditions: Text = "preconditions",
        qos_local: Text = "qos_local", qos_remote: Text = "qos_remote", qos_pending: Bool = "qos_pending",
        ptime: Int = "ptime", maxptime: Int = "maxptime", rtcp_port: Int = "rtcp_port", rtcp_mux: Bool = "rtcp_mux",
        mid: Text = "mid", ice: Bool = "ice", candidates: Int = "candidates", setup: Text = "setup",
        crypto: Text = "crypto", origin_username: Text = "origin_username", session_id: Text = "session_id",
        session_version: Int = "session_version", origin_address: Text = "origin_address", early_session: Bool = "early_session",
        receives: Bool = "_receives",
    }
}

/// What a message's row says of its description.
#[derive(Debug, Default)]
pub struct Known {
    pub key: u64,
    pub has_preconditions: bool,
    pub qos_pending: bool,
    pub sends: bool,
    pub oddities: Vec<(Code, String)>,
}

/// The descriptions that were read; one for all parsers of a scan.
#[derive(Debug)]
pub struct Descriptions {
    known: Mutex<HashMap<u64, Arc<Known>, Keyed>>,
    max_media: usize,
}

/// A row to be.
pub struct Row<'b> {
    key: u64,
    index: usize,
    origin: Origin<'b>,
    early_session: bool,
    media: Media<'b>,
}

impl Descriptions {
    pub fn new(max_media: usize) -> Self {
        Self { known: Mutex::default(), max_media }
    }

    /// The description of a message (or of its decoded body), if it has one, and that of its early session. The rows of one that is new are put to `fresh`.
    pub fn of<'b>(
        &self,
        message: &'b [u8],
        ranges: [&Option<Range<usize>>; 2],
        complete: bool,
        fresh: &mut Vec<Row<'b>>,
    ) -> Option<Arc<Known>> {
        if ranges.iter().all(|range| range.is_none()) {
            return None;
        }
        let parts = ranges.map(|range| message.get(range.clone()?));
        let mut key = parts[0].map_or(0, hash::bytes);
        if let Some(early) = parts[1] {
            key = hash::pair(key, hash::bytes(early));
        }
        if !complete {
            // The same bytes mean something else where more followed them.
            key = hash::pair(key, 1);
        }
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Some(Arc::clone(known));
        }
        let (known, rows) = self.read(key, parts, complete);
        // Another parser may have read it meanwhile: then the rows are its.
        Some(match lock().entry(key) {
            Entry::Occupied(other) => Arc::clone(other.get()),
            Entry::Vacant(place) => {
                fresh.extend(rows);
                Arc::clone(place.insert(Arc::new(known)))
            }
        })
    }

    /// Reads the description of the session, and that of its early session.
    fn read<'b>(&self, key: u64, parts: [Option<&'b [u8]>; 2], complete: bool) -> (Known, Vec<Row<'b>>) {
        let mut known = Known { key, ..Known::default() };
        let mut rows = Vec::new();
        for (part, early_session) in parts.into_iter().zip([false, true]) {
            let Some(part) = part else { continue };
            let read = Description::read(part, complete, self.max_media);
            known.has_preconditions |= read.has_preconditions();
            known.qos_pending |= read.qos_pending();
            known.sends |= read.sends();
            known.oddities.extend(read.oddities);
            for media in read.media {
                rows.push(Row { key, index: rows.len(), origin: read.origin, early_session, media });
            }
        }
        (known, rows)
    }
}

/// The rows that a batch of messages brought.
pub fn table(rows: &[Row<'_>], wanted: &Wanted) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::new(rows.len(), wanted);
    for (row, Row { key, index, origin, early_session, media }) in rows.iter().enumerate() {
        let level = &media.level;
        columns.sdp.set(row, Some((key >> 1) as i64));
        columns.index.set(row, Some(*index as i64));
        columns.media.set_bytes(row, media.media);
        columns.port.set(row, media.port);
        columns.port_count.set(row, media.port_count);
        columns.proto.set_bytes(row, media.proto);
        columns.formats.set_bytes(row, media.formats.as_deref());
        columns.codecs.set_bytes(row, media.codecs.as_deref());
        columns.fmtp.set_bytes(row, media.fmtp.as_deref());
        columns.connection.set_bytes(row, level.connection);
        columns.direction.set(row, Some(media.direction().as_media()));
        columns.bandwidth_kbps.set(row, level.application_kbps);
        columns.tias_bps.set(row, level.tias_bps);
        columns.rs_bps.set(row, level.rs_bps);
        columns.rr_bps.set(row, level.rr_bps);
        columns.preconditions.set_bytes(row, media.preconditions.as_deref());
        columns.qos_local.set(row, media.qos.local().map(|status| status.as_resources()));
        columns.qos_remote.set(row, media.qos.remote().map(|status| status.as_resources()));
        columns.qos_pending.set(row, media.qos_pending());
        columns.ptime.set(row, media.ptime);
        columns.maxptime.set(row, media.maxptime);
        columns.rtcp_port.set(row, media.rtcp_port);
        columns.rtcp_mux.set(row, media.rtcp_mux);
        columns.mid.set_bytes(row, media.mid);
        columns.ice.set(row, level.ice);
        columns.candidates.set(row, Some(media.candidates).filter(|&count| count > 0));
        columns.setup.set_bytes(row, level.setup);
        columns.crypto.set_bytes(row, media.crypto.as_deref());
        columns.origin_username.set_bytes(row, origin.username);
        columns.session_id.set_bytes(row, origin.session_id);
        columns.session_version.set(row, origin.version);
        columns.origin_address.set_bytes(row, origin.address);
        columns.early_session.set(row, *early_session);
        columns.receives.set(row, media.receives());
    }
    record_batch(columns.finish(wanted)?)
}
