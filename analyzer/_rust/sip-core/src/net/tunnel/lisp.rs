//! LISP, the locator/identifier separation protocol (RFC 9300): IP packets between tunnel routers.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::encapsulation::Encapsulation;
use crate::net::payload_guess;

pub(super) const LISP: Tunnel =
    Tunnel { layer: Layer::new(&"lisp"), about: "LISP data packets (RFC 9300).", keys: &[Key::UdpTo(4341, data)] };

/// §5.1: flags and nonce, locator status bits or instance; then an IP packet.
fn data<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (_, rest) = cursor.header::<8>()?;
    let step = payload_guess::ip(rest)?;
    encapsulation.enter_over(ip, LISP.layer);
    Some(Ok(step.into()))
}
