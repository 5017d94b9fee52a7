//! The table of bodies and their parts, session descriptions left out: the media type of each, and what short messages
//! and fragments of SIP among them say. One row a part, by the place of its message among those of the batch.

use arrow_schema::ArrowError;

use crate::hash;
use crate::sip::{Fields, mime, pressed, rp, start};
use crate::tables::columns::{Named, Wanted, columns};
use crate::tables::keyed::KeyedRows;

columns! {
    pub struct Columns of |it: &Row| {
        index: Int = "index" => Some(it.index as i64),
        media_type: Text = "_media_type" => Some(&*it.media_type),
        in_reply_to: Text = "in_reply_to" => it.in_reply_to.as_deref(),
        fragment_status: Int = "fragment_status" => it.fragment_status,
        rp_type: Text = "rp_type" => it.relay().map(|relay| relay.kind.as_str()),
        to_network: Bool = "to_network" => it.relay().is_some_and(|relay| relay.to_network),
        rp_reference: Int = "rp_reference" => it.relay().and_then(|relay| relay.reference),
        rp_originator: Text = "rp_originator" => it.relay().and_then(|relay| relay.originator.as_deref()),
        rp_destination: Text = "rp_destination" => it.relay().and_then(|relay| relay.destination.as_deref()),
        rp_cause: Int = "rp_cause" => it.relay().and_then(|relay| relay.cause),
        tp_type: Text = "tp_type" => it.transfer().map(|transfer| transfer.kind),
        tp_reference: Int = "tp_reference" => it.transfer().and_then(|transfer| transfer.reference),
        tp_address: Text = "tp_address" => it.transfer().and_then(|transfer| transfer.address.as_deref()),
        tp_failure: Int = "tp_failure" => it.transfer().and_then(|transfer| transfer.failure),
        tp_status: Int = "tp_status" => it.transfer().and_then(|transfer| transfer.status),
        keys: Text = "_keys" => it.pressed.as_ref().map(|it| it.keys.as_str()),
        keys_ms: Int = "_keys_ms" => it.pressed.as_ref().and_then(|it| it.duration_ms),
        malformed: Bool = "malformed" => it.relay().is_some_and(|relay| relay.malformed),
        body: Int = "_body" => it.relay.as_ref().map(|(_, body)| body.cast_signed()),
    }
}

/// Who asks for this column asks for the table.
const COLUMN: &str = "_media_type";

/// Parts of one message that have a row.
const MAX_PARTS: usize = 32;

const SHORT_MESSAGE: &[u8] = b"application/vnd.3gpp.sms";
const FRAGMENT: &[u8] = b"message/sipfrag";

pub struct Row {
    /// Its number in the batch.
    message: u32,
    index: usize,
    media_type: Vec<u8>,
    in_reply_to: Option<Box<[u8]>>,
    fragment_status: Option<u16>,
    /// With the hash of its octets.
    relay: Option<(rp::Relay, u64)>,
    pressed: Option<pressed::Pressed>,
}

impl Row {
    fn relay(&self) -> Option<&rp::Relay> {
        self.relay.as_ref().map(|(relay, _)| relay)
    }

    fn transfer(&self) -> Option<&rp::Transfer> {
        self.relay()?.transfer.as_ref()
    }
}

/// The rows of one batch under construction.
pub struct Builder {
    wanted: bool,
    rows: Vec<Row>,
}

impl Builder {
    pub fn new(wanted: &Wanted) -> Self {
        Self { wanted: wanted.has(COLUMN), rows: Vec::new() }
    }

    /// Takes the body of message number `message` of the batch.
    pub fn push(&mut self, message: usize, fields: &Fields<'_>, content_type: Option<&[u8]>, body: &[u8]) {
        let Some(content_type) = content_type.filter(|_| self.wanted && !body.is_empty()) else { return };
        let message = u32::try_from(message).unwrap_or(u32::MAX);
        let mut index = 0;
        mime::each_part(content_type, body, &mut |part| {
            if !part.is_sdp() && index < MAX_PARTS {
                let media_type = part.media_type().to_ascii_lowercase();
                let content = body.get(part.place.clone()).unwrap_or_default();
                let relay = (media_type == SHORT_MESSAGE).then(|| rp::read(content)).flatten();
                let relay = relay.map(|relay| (relay, hash::bytes(content)));
                let fragment = (media_type == FRAGMENT).then(|| status(content)).flatten();
                let pressed = pressed::read(&media_type, content);
                let in_reply_to = fields.in_reply_to.filter(|_| relay.is_some()).map(Box::from);
                self.rows.push(Row {
                    message,
                    index,
                    media_type,
                    in_reply_to,
                    fragment_status: fragment,
                    relay,
                    pressed,
                });
            }
            index += 1;
        });
    }

    pub fn finish(self) -> Result<Option<KeyedRows>, ArrowError> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let columns = columns_of(&self.rows)?;
        Ok(Some(KeyedRows { columns, rows: self.rows.iter().map(|row| row.message).collect() }))
    }
}

/// The columns without rows.
pub fn none() -> Result<Named, ArrowError> {
    columns_of(&[])
}

/// The status code of a fragment that begins with a status line (RFC 3420; RFC 3515 §2.4.4).
fn status(fragment: &[u8]) -> Option<u16> {
    let line = fragment.split(|&b| b == b'\n').next()?;
    match start::parse(line)?.line {
        start::Line::Status { status, .. } => Some(status),
        start::Line::Request { .. } => None,
    }
}

fn columns_of(rows: &[Row]) -> Result<Named, ArrowError> {
    let mut columns = Columns::new(rows.len(), &Wanted::All);
    for (number, row) in rows.iter().enumerate() {
        columns.set(number, row);
    }
    columns.finish(&Wanted::All)
}
