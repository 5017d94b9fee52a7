//! The codecs of an `m=` line.

use super::description::{Media, append};
use crate::sip::text::{number, words};

impl Media<'_> {
    /// The codec of each format: by `a=rtpmap`, else by the static assignment of its payload type; `?` where neither
    /// says it. A format of what is not RTP (`t38`, `webrtc-datachannel`) is its own name.
    pub(super) fn name_codecs(&mut self) {
        let Some(formats) = &self.formats else { return };
        let rtp = self.proto.is_some_and(|proto| proto.windows(4).any(|part| part.eq_ignore_ascii_case(b"RTP/")));
        if !rtp {
            self.codecs = Some(formats.to_vec());
            return;
        }
        let mut by_type: [Option<&[u8]>; 128] = [None; 128];
        for &(format, encoding) in &self.rtpmaps {
            if let Some(slot) = by_type.get_mut(usize::from(format)) {
                // One channel is what no number says (RFC 8866 §6.6).
                let mono = encoding.iter().filter(|&&b| b == b'/').count() == 2;
                slot.get_or_insert(encoding.strip_suffix(b"/1").filter(|_| mono).unwrap_or(encoding));
            }
        }
        let mut codecs = None;
        for format in words(formats) {
            let format = number(format).and_then(|format| usize::try_from(format).ok());
            let mapped = format.and_then(|format| by_type.get(format).copied().flatten());
            let name = mapped.or_else(|| static_codec(format?)).unwrap_or(b"?");
            append(&mut codecs, b" ", name);
        }
        self.codecs = codecs;
    }
}

/// Static payload types (RFC 3551 §6). G722 has a clock of 8000 for historical reasons.
fn static_codec(payload_type: usize) -> Option<&'static [u8]> {
    Some(match payload_type {
        0 => b"PCMU/8000",
        3 => b"GSM/8000",
        4 => b"G723/8000",
        5 => b"DVI4/8000",
        6 => b"DVI4/16000",
        7 => b"LPC/8000",
        8 => b"PCMA/8000",
        9 => b"G722/8000",
        10 => b"L16/44100/2",
        11 => b"L16/44100",
        12 => b"QCELP/8000",
        13 => b"CN/8000",
        14 => b"MPA/90000",
        15 => b"G728/8000",
        16 => b"DVI4/11025",
        17 => b"DVI4/22050",
        18 => b"G729/8000",
        25 => b"CelB/90000",
        26 => b"JPEG/90000",
        28 => b"nv/90000",
        31 => b"H261/90000",
        32 => b"MPV/90000",
        33 => b"MP2T/90000",
        34 => b"H263/90000",
        _ => return None,
    })
}
