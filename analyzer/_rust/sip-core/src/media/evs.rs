//! The payloads of EVS (TS 26.445 Annex A): in which of their two formats they are, and what they say.

use serde::{Deserialize, Serialize};

/// The longest payload that is looked at: 128 kbit/s, with a request and a table of contents.
pub const MAX_BYTES: u32 = 322;
/// Bits of a frame by bit rate: EVS Primary 2.8 to 128 kbit/s, then silence (table A.4); 0 where there is none.
const PRIMARY: [u16; 16] = [56, 144, 160, 192, 264, 328, 488, 640, 960, 1280, 1920, 2560, 48, 0, 0, 0];
/// The same of AMR-WB IO, 6.6 to 23.85 kbit/s, then silence (table A.5).
const INTEROPERABLE: [u16; 16] = [132, 177, 253, 285, 317, 365, 397, 461, 477, 40, 0, 0, 0, 0, 0, 0];
const PRIMARY_SILENCE: u8 = 12;
const INTEROPERABLE_SILENCE: u8 = 9;
/// A frame that was lost, and none.
const LOST: u8 = 14;
/// The modes of AMR-WB IO stand behind those of EVS Primary.
const RATES: u8 = 12;
const NO_REQUEST: u8 = 0x7F;
/// Frames that a payload may have; what has more is something else.
const MAX_FRAMES: usize = 16;

/// What payloads say, if they are of that format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Payloads whose length is that of their frames.
    pub fits: u32,
    /// Bit rates that were sent, and that were asked for: a bit each, EVS Primary, then AMR-WB IO.
    pub modes: u32,
    pub requests: u32,
    pub changes: u32,
    /// Frames of comfort noise.
    pub silence: u32,
    last: Option<u8>,
}

/// Both formats: a length may be that of either, and which it is the session description says (hf-only).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Framing {
    pub compact: Form,
    pub header_full: Form,
}

impl Framing {
    #[inline]
    pub fn take(&mut self, payload: &[u8], length: u32) {
        if payload.len() as u32 != length {
            return;
        }
        self.compact.compact(payload);
        self.header_full.header_full(payload);
    }
}

impl Form {
    /// The frame alone: its length says what it is (table A.1).
    #[inline]
    fn compact(&mut self, payload: &[u8]) {
        let bits = payload.len() as u32 * 8;
        let kind = match bits {
            48 => PRIMARY_SILENCE,
            // A frame of 2.8 kbit/s begins with 0; with 1 it is silence of AMR-WB IO behind a request (A.2.1.3).
            56 if payload.first().is_some_and(|first| first & 0x80 != 0) => return,
            56 => 0,
            144 => 1,
            160 => 2,
            192 => 3,
            264 => 4,
            328 => 5,
            488 => 6,
            640 => 7,
            960 => 8,
            1280 => 9,
            1920 => 10,
            2560 => 11,
            _ => {
                // AMR-WB IO: three bits of request, the frame, filled up to bytes (A.2.1.2).
                let frame = |bits_of: &u16| (u32::from(*bits_of) + 3).div_ceil(8) * 8;
                let Some(rate) = INTEROPERABLE[..9].iter().position(|it| frame(it) == bits) else { return };
                self.fits += 1;
                // Table A.2.
                if let Some(&asked) =
                    payload.first().and_then(|first| [0, 1, 2, 4, 5, 7, 8].get(usize::from(first >> 5)))
                {
                    self.requests |= 1 << (RATES + asked);
                }
                return self.speech(RATES + rate as u8);
            }
        };
        self.fits += 1;
        if kind == PRIMARY_SILENCE { self.silence += 1 } else { self.speech(kind) }
    }

    /// A request (its first bit is 1) or none, a table of contents, the frames (A.2.2).
    #[inline]
    fn header_full(&mut self, payload: &[u8]) {
        let (request, mut rest) = match payload {
            [first @ 0x80..=0xFF, rest @ ..] => (Some(first & 0x7F), rest),
            _ => (None, payload),
        };
        let (mut kinds, mut frames, mut bytes) = ([0; MAX_FRAMES], 0, 0);
        loop {
            let [entry, behind @ ..] = rest else { return };
            let (kind, interoperable) = (entry & 0x0F, entry & 0x20 != 0);
            let bits = if interoperable { INTEROPERABLE } else { PRIMARY }[usize::from(kind)];
            let reserved = if interoperable { 10 } else { 13 };
            if entry & 0x80 != 0 || frames == MAX_FRAMES || (reserved..LOST).contains(&kind) {
                return;
            }
            kinds[frames] = entry & 0x2F;
            frames += 1;
            bytes += usize::from(bits).div_ceil(8);
            rest = behind;
            if entry & 0x40 == 0 {
                break;
            }
        }
        // Zeros behind the frames keep the length from being one of the compact format (A.2.2.1.4.2).
        let Some(padding) = rest.get(bytes..) else { return };
        if padding.len() > 1 || padding.iter().any(|byte| *byte != 0) {
            return;
        }
        self.fits += 1;
        if let Some(request) = request.filter(|request| *request != NO_REQUEST) {
            self.asked(request);
        }
        for kind in kinds.iter().take(frames) {
            match (kind & 0x20 != 0, kind & 0x0F) {
                (false, PRIMARY_SILENCE) | (true, INTEROPERABLE_SILENCE) => self.silence += 1,
                (_, LOST..) => {}
                (interoperable, rate) => self.speech(if interoperable { RATES + rate } else { rate }),
            }
        }
    }

    /// Table A.3: what is asked for, then a bit rate; of a bandwidth alone (5 and 6) always 13.2 kbit/s, channel-aware.
    fn asked(&mut self, request: u8) {
        let (kind, rate) = (request >> 4, request & 0x0F);
        match kind {
            1 if rate < INTEROPERABLE_SILENCE => self.requests |= 1 << (RATES + rate),
            0 | 2..=4 if rate < RATES => self.requests |= 1 << rate,
            5 | 6 => self.requests |= 1 << 4,
            _ => {}
        }
    }

    fn speech(&mut self, rate: u8) {
        self.modes |= 1 << rate;
        self.changes += u32::from(self.last.replace(rate).is_some_and(|before| before != rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(payloads: &[&[u8]]) -> Framing {
        let mut framing = Framing::default();
        payloads.iter().for_each(|it| framing.take(it, it.len() as u32));
        framing
    }

    /// Table A.1: 13.2 kbit/s in 33 bytes, 24.4 in 61, silence in 6, 12.65 of AMR-WB IO in 32 with a request for 6.6.
    #[test]
    fn a_compact_payload_is_told_by_its_length() {
        let found = taken(&[&[0x0C; 33], &[0; 61], &[0x80; 6], &[0x00; 32], &[0x1F; 7]]).compact;
        let expected = 1 << 4 | 1 << 6 | 1 << (RATES + 2) | 1;
        assert_eq!((found.fits, found.modes, found.silence), (5, expected, 1));
        assert_eq!((found.requests, found.changes), (1 << RATES, 3));
    }

    /// A.2.2.1: 9.6 kbit/s behind its entry, with a request for SWB 13.2 before it, and silence.
    #[test]
    fn a_full_header_says_what_follows() {
        let plain = [&[0x03][..], &[7; 24]].concat();
        let asking = [&[0xB4, 0x03][..], &[7; 24]].concat();
        // Seven bytes would be 2.8 kbit/s of the compact format.
        let silence = [&[0x0C][..], &[7; 6], &[0]].concat();
        let found = taken(&[&plain, &asking, &silence]);
        let full = found.header_full;
        assert_eq!((full.fits, full.modes, full.requests, full.silence, full.changes), (3, 1 << 3, 1 << 4, 1, 0));
        assert_eq!(found.compact.fits, 0);
    }

    /// A.2.1.3: seven bytes that begin with 1 are silence of AMR-WB IO behind a request, not 2.8 kbit/s.
    #[test]
    fn seven_bytes_are_told_by_their_first_bit() {
        let found = taken(&[&[0xFF, 0x29, 1, 2, 3, 4, 5]]);
        assert_eq!((found.compact.fits, found.header_full.fits, found.header_full.silence), (0, 1, 1));
    }

    /// Two frames of 7.2 kbit/s in one payload.
    #[test]
    fn several_frames_are_counted() {
        let found = taken(&[&[&[0x41, 0x01][..], &[9; 36]].concat()]);
        assert_eq!((found.header_full.fits, found.header_full.modes), (1, 1 << 1));
    }

    /// What a snap length cut has no length of its own.
    #[test]
    fn a_part_of_a_payload_says_nothing() {
        let mut framing = Framing::default();
        framing.take(&[0; 6], 33);
        assert_eq!((framing.compact, framing.header_full), (Form::default(), Form::default()));
    }
}
