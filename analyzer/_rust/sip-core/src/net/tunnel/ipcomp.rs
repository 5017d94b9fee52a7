//! IP payload compression, which goes with IPsec and without it.

use super::entry::{Key, Tunnel};
use crate::inflate::inflate_raw;
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};

pub(in crate::net) const IPCOMP: Tunnel = Tunnel {
    layer: Layer::new(&"ipcomp"),
    about: "IPComp (RFC 3173) with DEFLATE (RFC 2394).",
    keys: &[Key::Within("IP protocol 108")],
};

/// The header (RFC 3173 §3.3): next header, flags, compression parameter index.
const HEADER: usize = 4;
/// Index of DEFLATE; those that two hosts agreed on themselves begin later (§3.3).
const DEFLATE: u16 = 2;
const AGREED: u16 = 256;

/// The next header, and the payload as it was; `None` for another algorithm, and for what is not whole.
pub(in crate::net) fn decompressed(cursor: Cursor<'_>, most: usize) -> Option<(u8, Vec<u8>)> {
    let (&[next, _, c1, c0], rest) = cursor.header::<HEADER>()?;
    let index = be16(c1, c0);
    if !(index == DEFLATE || index >= AGREED) || rest.missing > 0 || rest.open {
        return None;
    }
    let (plain, trouble) = inflate_raw(rest.bytes, most);
    (trouble.is_none() && !plain.is_empty()).then_some((next, plain))
}
