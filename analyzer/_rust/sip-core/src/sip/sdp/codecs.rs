//! Codecs that a number names.

/// Static payload types (RFC 3551 §6). G722 has a clock of 8000 for historical reasons.
pub fn static_codec(payload_type: usize) -> Option<&'static [u8]> {
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
