//! Compressed bytes inside packets: HEP payloads, bodies with a Content-Encoding. Small, whole, and from strangers: what
//! comes out is bounded.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::{Decompress, FlushDecompress, Status};

/// Why decompressed bytes are not all there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Neither gzip nor zlib nor deflate, or the end is missing.
    Corrupt,
    /// They would be more than the limit.
    Limit,
}

/// Decompresses gzip (RFC 1952), zlib (RFC 1950) or bare deflate (RFC 1951), which many a sender means by `deflate`
/// (RFC 9110 §8.4.1.2). At most `limit` bytes; what came before a fault is kept.
pub fn inflate(bytes: &[u8], limit: usize) -> (Vec<u8>, Option<Trouble>) {
    match *bytes {
        [0x1F, 0x8B, ..] => read(MultiGzDecoder::new(bytes), limit),
        // Method deflate with a window of up to 32 KiB, and a check that makes the header a multiple of 31.
        [first, second, ..] if first & 0x8F == 0x08 && u16::from_be_bytes([first, second]).is_multiple_of(31) => {
            read(ZlibDecoder::new(bytes), limit)
        }
        _ => read(DeflateDecoder::new(bytes), limit),
    }
}

/// Decompresses bare deflate (RFC 1951); as [`inflate`] does.
pub fn inflate_raw(bytes: &[u8], limit: usize) -> (Vec<u8>, Option<Trouble>) {
    read(DeflateDecoder::new(bytes), limit)
}

fn read(decoder: impl Read, limit: usize) -> (Vec<u8>, Option<Trouble>) {
    let mut out = Vec::new();
    let read = decoder.take((limit as u64).saturating_add(1)).read_to_end(&mut out);
    let trouble = match read {
        _ if out.len() > limit => Some(Trouble::Limit),
        Ok(_) => None,
        Err(_) => Some(Trouble::Corrupt),
    };
    out.truncate(limit);
    (out, trouble)
}

/// Bare deflate that goes on from one message to the next (RFC 7692 §7.2.2). A sender that begins each message anew never
/// refers to the one before, so its messages are read alike.
#[derive(Debug)]
pub struct Stream(Decompress);

impl Default for Stream {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Stream {
    /// Takes the next bytes; `out` grows by what they hold, to no more than `limit` bytes.
    pub fn read(&mut self, mut bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Trouble> {
        loop {
            if out.len() > limit {
                return Err(Trouble::Limit);
            }
            out.reserve(bytes.len().saturating_mul(4).clamp(512, 64 << 10));
            let (taken, made) = (self.0.total_in(), out.len());
            let status = self.0.decompress_vec(bytes, out, FlushDecompress::Sync);
            let taken = usize::try_from(self.0.total_in() - taken).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
            match status {
                Err(_) => return Err(Trouble::Corrupt),
                // A last block (RFC 7692 §7.2.3.4): what follows begins anew.
                Ok(Status::StreamEnd) => self.0.reset(false),
                Ok(_) if taken == 0 && out.len() == made => break,
                Ok(_) => {}
            }
            if bytes.is_empty() && out.len() < out.capacity() {
                break;
            }
        }
        if out.len() > limit { Err(Trouble::Limit) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn all(mut source: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        source.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn each_format_is_known_by_its_first_bytes() {
        let text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";
        let level = Compression::default();
        let forms = [
            all(GzEncoder::new(&text[..], level)),
            all(ZlibEncoder::new(&text[..], level)),
            all(DeflateEncoder::new(&text[..], level)),
        ];
        for form in forms {
            assert_eq!(inflate(&form, 1000), (text.to_vec(), None));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = all(GzEncoder::new(&vec![0; 10 << 20][..], Compression::best()));
        let (out, trouble) = inflate(&bomb, 1000);
        assert_eq!((out.len(), trouble), (1000, Some(Trouble::Limit)));
        assert_eq!(inflate(&bomb, 10 << 20).1, None, "exactly the limit is no trouble");
    }

    #[test]
    fn what_came_before_the_fault_is_kept() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let whole = all(ZlibEncoder::new(&text[..], Compression::default()));
        let (out, trouble) = inflate(&whole[..whole.len() / 2], usize::MAX);
        assert_eq!(trouble, Some(Trouble::Corrupt));
        assert!(!out.is_empty() && text.starts_with(&out));
        assert_eq!(inflate(b"\xff\xff\xff", 10), (vec![], Some(Trouble::Corrupt)));
    }

    /// The examples of RFC 7692 §7.2.3: "Hello" twice with a context kept, without, in a block that is not compressed, and in
    /// a last block.
    #[test]
    fn messages_of_a_stream_are_those_of_the_rfc() {
        const TAIL: &[u8] = &[0, 0, 0xff, 0xff];
        let mut stream = Stream::default();
        for message in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            // Also byte by byte.
            for step in [message.len(), 1] {
                if step == 1 && message[0] == 0xf2 && message[1] == 0 {
                    continue;
                }
                let mut out = Vec::new();
                for part in message.chunks(step) {
                    stream.read(part, 100, &mut out).unwrap();
                }
                stream.read(TAIL, 100, &mut out).unwrap();
                assert_eq!(out, b"Hello");
            }
        }
    }

    #[test]
    fn a_stream_is_bounded_and_names_its_faults() {
        let bomb = all(DeflateEncoder::new(&vec![0; 10 << 20][..], Compression::best()));
        let mut out = Vec::new();
        assert_eq!(Stream::default().read(&bomb, 1000, &mut out), Err(Trouble::Limit));
        assert!(out.len() < 200_000);
        // Refers to a message that was not captured.
        let referring = [0xf2, 0x00, 0x11, 0x00, 0x00];
        let read = Stream::default().read(&referring, 100, &mut Vec::new());
        assert_eq!(read, Err(Trouble::Corrupt));
    }
}
