//! Which columns each table has: what the schema of those who use the core is held against.

use super::companion;
use super::evidence::{EvidenceColumns, TailColumns};
use super::keyed::KeyColumn;
use super::small::{AccountColumns, FailureColumns, FileColumns, ProblemColumns};
use super::{headers, ims_headers, media, messages, parts, sdp, tls};

/// Names and types (text, int, time, bool) of columns, in order.
pub type Columns = Vec<(&'static str, &'static str)>;

/// Every table by name, with its columns when all of them are wanted.
pub fn catalogue() -> Vec<(&'static str, Columns)> {
    let keyed = |columns: &[(&'static str, &'static str)]| [KeyColumn::COLUMNS, columns].concat();
    let [diameter, dns] = companion::columns();
    let mut all = vec![
        ("messages", [messages::ScanColumns::COLUMNS, messages::Columns::COLUMNS].concat()),
        ("descriptions", sdp::Columns::COLUMNS.to_vec()),
        ("ims_headers", keyed(ims_headers::Columns::COLUMNS)),
        ("parts", keyed(parts::Columns::COLUMNS)),
        ("evidence", EvidenceColumns::COLUMNS.to_vec()),
        ("via_tails", TailColumns::COLUMNS.to_vec()),
        ("headers", keyed(headers::Columns::COLUMNS)),
        ("files", FileColumns::COLUMNS.to_vec()),
        ("problems", ProblemColumns::COLUMNS.to_vec()),
        ("account", AccountColumns::COLUMNS.to_vec()),
        ("failures", FailureColumns::COLUMNS.to_vec()),
        ("tls_connections", tls::Columns::COLUMNS.to_vec()),
        ("diameter", diameter),
        ("dns", dns),
    ];
    all.extend(media::columns());
    all
}
