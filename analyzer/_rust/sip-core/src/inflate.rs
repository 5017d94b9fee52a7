//! Compressed bytes inside packets: HEP payloads, bodies with a Content-Encoding. Small, whole, and from strangers: what
//! comes out is bounded.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

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
}
