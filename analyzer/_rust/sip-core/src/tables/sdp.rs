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
use crate::tables::columns::{Wanted, columns, key, record_batch};

columns! {
    pub struct Columns of |it: &Row<'_>| {
        sdp: Int = "_sdp" => Some(key(it.key)),
        index: Int = "index" => Some(it.index as i64),
        media: Text = "media" => it.media.media,
        port: Int = "port" => it.media.port,
        port_count: Int = "port_count" => it.media.port_count,
        proto: Text = "proto" => it.media.proto,
        formats: Text = "formats" => it.media.formats.as_deref(),
        codecs: Text = "codecs" => it.media.codecs.as_deref(),
        fmtp: Text = "fmtp" => it.media.fmtp.as_deref(),
        connection: Text = "connection" => it.media.level.connection,
        direction: Text = "direction" => Some(it.media.direction().as_media()),
        bandwidth_kbps: Int = "bandwidth_kbps" => it.media.level.application_kbps,
        tias_bps: Int = "tias_bps" => it.media.level.tias_bps,
        rs_bps: Int = "rs_bps" => it.media.level.rs_bps,
        rr_bps: Int = "rr_bps" => it.media.level.rr_bps,
        preconditions: Text = "preconditions" => it.media.preconditions.as_deref(),
        qos_local: Text = "qos_local" => it.media.qos.local().map(|status| status.as_resources()),
        qos_remote: Text = "qos_remote" => it.media.qos.remote().map(|status| status.as_resources()),
        qos_pending: Bool = "qos_pending" => it.media.qos_pending(),
        ptime: Int = "ptime" => it.media.ptime,
        maxptime: Int = "maxptime" => it.media.maxptime,
        rtcp_port: Int = "rtcp_port" => it.media.rtcp_port,
        rtcp_mux: Bool = "rtcp_mux" => it.media.rtcp_mux,
        mid: Text = "mid" => it.media.mid,
        ice: Bool = "ice" => it.media.level.ice,
        candidates: Int = "candidates" => Some(it.media.candidates).filter(|&count| count > 0),
        setup: Text = "setup" => it.media.level.setup,
        crypto: Text = "crypto" => it.media.crypto.as_deref(),
        origin_username: Text = "origin_username" => it.origin.username,
        session_id: Text = "session_id" => it.origin.session_id,
        session_version: Text = "session_version" => it.origin.version,
        origin_address: Text = "origin_address" => it.origin.address,
        early_session: Bool = "early_session" => it.early_session,
        receives: Bool = "_receives" => it.media.receives(),
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

    /// The description of a message (or of its decoded body), if it has one, and that of its early session. The rows of one
    /// that is new are put to `fresh`.
    pub fn of(
        &self,
        message: &[u8],
        ranges: [&Option<Range<usize>>; 2],
        complete: bool,
        fresh: &mut Builder<'_>,
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
        let known = Arc::new(known);
        // Another parser may have read it meanwhile: then the rows are its.
        match lock().entry(key) {
            Entry::Occupied(other) => return Some(Arc::clone(other.get())),
            Entry::Vacant(place) => place.insert(Arc::clone(&known)),
        };
        rows.iter().for_each(|row| fresh.push(row));
        Some(known)
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

/// The rows that a batch of messages brings, under construction: what a description says is not kept beside them.
pub struct Builder<'w> {
    columns: Columns,
    rows: usize,
    wanted: &'w Wanted,
}

impl<'w> Builder<'w> {
    /// Room is made for so many rows at a time.
    const ROOM: usize = 1024;

    pub fn new(wanted: &'w Wanted) -> Self {
        Self { columns: Columns::new(0, wanted), rows: 0, wanted }
    }

    fn push(&mut self, row: &Row<'_>) {
        if self.rows.is_multiple_of(Self::ROOM) {
            self.columns.grow(Self::ROOM, self.wanted);
        }
        self.columns.set(self.rows, row);
        self.rows += 1;
    }

    /// The table; `None` if it has no rows.
    pub fn finish(self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 { Ok(None) } else { self.table().map(Some) }
    }

    /// The table, also without rows: it tells the columns where there is no description.
    pub fn table(self) -> Result<RecordBatch, ArrowError> {
        record_batch(self.columns.first(self.rows, self.wanted)?)
    }
}
