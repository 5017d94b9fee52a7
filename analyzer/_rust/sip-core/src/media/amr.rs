//! The framing of AMR and AMR-WB (RFC 4867): in which of its two forms the payloads of a stream are, and what they say.

use serde::{Deserialize, Serialize};

/// Bits of speech by frame type; 0 where there is no such type (RFC 4867 §3.6: AMR; AMR-WB).
const AMR: [u16; 16] = [95, 103, 118, 134, 148, 159, 204, 244, 39, 0, 0, 0, 0, 0, 0, 0];
const AMR_WB: [u16; 16] = [132, 177, 253, 285, 317, 365, 397, 461, 477, 40, 0, 0, 0, 0, 0, 0];
/// No data: a frame that has only its entry in the table of contents.
const NO_DATA: u8 = 15;
const NO_REQUEST: u8 = 15;

/// What payloads of a stream say, if they are of that codec and form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Payloads of one frame whose length is that of their frame type.
    pub fits: u32,
    /// Frame types of speech, and modes that were asked for, a bit each.
    pub modes: u16,
    pub requests: u16,
    pub changes: u32,
    /// Frames of comfort noise.
    pub silence: u32,
    last: Option<u8>,
}

/// The codecs and forms that are possible.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Framing {
    /// AMR bandwidth-efficient, octet-aligned, AMR-WB bandwidth-efficient, octet-aligned.
    pub forms: [Form; 4],
}

impl Framing {
    /// Takes a payload of which the first two bytes are there.
    #[inline]
    pub fn take(&mut self, payload: &[u8], length: u32) {
        let &[first, second, ..] = payload else { return };
        let request = first >> 4;
        // Bandwidth-efficient (§4.3): request, F, type and quality follow each other; octet-aligned (§4.4): each in its byte.
        let packed = (first & 8 == 0).then_some((first & 7) << 1 | second >> 7);
        let aligned = (first & 0x0F == 0 && second & 0x83 == 0).then_some(second >> 3 & 0x0F);
        for (number, form) in self.forms.iter_mut().enumerate() {
            let (bits, silence) = if number < 2 { (&AMR, 8) } else { (&AMR_WB, 9) };
            let kind = if number % 2 == 0 { packed } else { aligned };
            let Some(kind) = kind else { continue };
            let speech = u32::from(bits[usize::from(kind & 0x0F)]);
            let expected = if number % 2 == 0 { (10 + speech).div_ceil(8) } else { 2 + speech.div_ceil(8) };
            if expected == length && (speech > 0 || kind == NO_DATA) {
                form.frame(kind, request, silence);
            }
        }
    }
}

impl Form {
    #[inline]
    fn frame(&mut self, kind: u8, request: u8, silence: u8) {
        self.fits += 1;
        if request != NO_REQUEST {
            self.requests |= 1 << request;
        }
        if kind == silence {
            self.silence += 1;
        } else if kind < silence {
            self.modes |= 1 << kind;
            self.changes += u32::from(self.last.replace(kind).is_some_and(|before| before != kind));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4867 §4.3.5.1: 12.2 kbit/s in 32 bytes, bandwidth-efficient; §4.4: octet-aligned in 33.
    #[test]
    fn the_form_is_the_one_whose_lengths_fit() {
        let mut framing = Framing::default();
        for _ in 0..3 {
            framing.take(&[0xF3, 0xC0], 32);
        }
        assert_eq!(framing.forms.map(|form| form.fits), [3, 0, 0, 0]);
        assert_eq!((framing.forms[0].modes, framing.forms[0].requests), (1 << 7, 0));
        let mut framing = Framing::default();
        framing.take(&[0xF0, 0x3C], 33);
        assert_eq!(framing.forms.map(|form| form.fits), [0, 1, 0, 0]);
    }

    /// AMR-WB octet-aligned: 12.65 with a request for 6.60, comfort noise, then 6.60.
    #[test]
    fn modes_change_and_are_asked_for() {
        let mut framing = Framing::default();
        framing.take(&[0x00, 0x14], 2 + 32);
        framing.take(&[0xF0, 0x4C], 2 + 5);
        framing.take(&[0xF0, 0x04], 2 + 17);
        let it = framing.forms[3];
        assert_eq!((it.fits, it.modes, it.requests, it.changes, it.silence), (3, 0b101, 1, 1, 1));
    }
}
