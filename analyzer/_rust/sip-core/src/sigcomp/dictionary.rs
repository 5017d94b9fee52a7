//! Words that every endpoint has before the first message: those of SIP and SDP, and those of presence.

/// Of SIP and SDP (RFC 3485 §3), which every endpoint has (RFC 5049 §4.5); of presence (RFC 5112 §4).
pub(super) const WORDS: [&[u8]; 2] = [include_bytes!("rfc3485.dictionary"), include_bytes!("rfc5112.dictionary")];
