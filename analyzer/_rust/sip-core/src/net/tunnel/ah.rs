//! The authentication header: the payload behind it is in clear.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::encapsulation::Encapsulation;
use crate::net::ip;
use crate::net::next_header::NextHeader;

pub(super) const AH: Tunnel =
    Tunnel { layer: Layer::new(&"ah"), about: "Authentication header (RFC 4302).", keys: &[Key::IpProtocol(51, ah)] };

fn ah<'a>(cursor: Cursor<'a>, outer: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let ip::Authentication { next, spi, payload } = ip::authentication(cursor).ok_or(cursor.short(AH.layer))?;
    encapsulation.enter(AH.layer);
    encapsulation.spi = Some(spi);
    Ok(NextHeader::Protocol(next, *outer, payload).into())
}
