//! MPLS (RFC 3032), with IP or an Ethernet pseudowire (RFC 4448) below the labels.

use super::carriage::Carriage;
use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::inner;
use super::part::Part;
use crate::problem::Layer;

/// Nothing in the labels says what they carry: the bytes behind them do. A pseudowire may have a control word, whose first
/// nibble is 0; that of its associated channel (RFC 5085) is 1.
pub(super) fn labels<'a>(part: Part<'a>, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    let mut rest = part;
    loop {
        let Some((&[_, _, low, _], next)) = rest.header::<4>() else { return Err(rest.short(Layer::Mpls)) };
        rest = next;
        let bottom_of_stack = low & 1 == 1;
        if bottom_of_stack {
            break;
        }
    }
    carriage.enter(Layer::Mpls);
    if let Some(step) = inner::ip(rest) {
        return Ok(step);
    }
    let word = rest.header::<4>().filter(|(word, _)| word[0] >> 4 == 0);
    if let Some(step) = word.and_then(|(_, frame)| inner::ethernet(frame)).or_else(|| inner::ethernet(rest)) {
        return Ok(step);
    }
    match rest.bytes.first().map(|first| first >> 4) {
        None => Err(rest.short(Layer::Mpls)),
        // The lengths of an IP header lie; it will say so.
        Some(4) => Ok(Step::Ipv4(rest)),
        Some(6) => Ok(Step::Ipv6(rest)),
        Some(1) => Err(Fate::new(Layer::Mpls, Reason::Signalling)),
        Some(_) => Err(Fate::new(Layer::Mpls, Reason::NotIp)),
    }
}
