//! Files of other formats: their name, and advice on how to convert or open them.

use memchr::memmem;

use super::compression::Compression;

/// Enough of a file to name it (a tar archive says so at byte 257).
pub(super) const LOOK_BYTES: usize = 512;

const EDITCAP: &str = "convert it first: editcap -F pcap IN OUT.pcap";
/// For formats that name the link layer of each packet, which editcap does not write as pcap.
const TSHARK: &str = "read it with --engine pyshark, or convert it first: \
                      tshark -r IN -U 'OSI layer 7' -Y sip -w OUT.pcapng";
const ORIGINAL: &str = "give the capture that it was made from";
const UNPACK: &str = "unpack it and read the captures inside";

/// Magic numbers at the start of a file, most specific first; from libpcap, Wireshark's wiretap and file(1).
const MAGICS: &[(&[u8], &str, &str)] = &[
    (b"snoop\0\0\0", "a snoop capture", EDITCAP),
    (b"GMBU", "a Microsoft Network Monitor 2 capture", TSHARK),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", TSHARK),
    (b"btsnoop\0", "a Bluetooth btsnoop capture", "it carries no IP network traffic that could hold SIP"),
    (b"TRSNIFF data", "a Sniffer capture", EDITCAP),
    (b"XCP\0", "a NetXRay or Windows Sniffer capture", EDITCAP),
    (b"ObserverPktBuffe", "a Network Instruments Observer capture", EDITCAP),
    (b"\x7fver", "a Savvius Peek capture", EDITCAP),
    (b"\x05VNF", "a Visual Networks capture", EDITCAP),
    (b"iptrace 1.0", "an AIX iptrace capture", TSHARK),
    (b"iptrace 2.0", "an AIX iptrace capture", TSHARK),
    (b"\x54\x52\x00\x64\x00", "an HP-UX nettl capture", TSHARK),
    (b"EyeSDN", "an EyeSDN capture", TSHARK),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a Tektronix K12 capture", TSHARK),
    (b"+---------+---------------+----------+", "a Tektronix K12 text capture", TSHARK),
    (b"\x01\x10\x4c\x00\x01\x05Trace Display", "a Novell LANalyzer capture", EDITCAP),
    (b"\xAA\xAA\xAA\xAA", "an Accellent 5View capture", EDITCAP),
    (b"\xA1\xB2\x34\xCD", "a pcap file of a reserved variant (Mesquita)", EDITCAP),
    (b"\xCD\x34\xB2\xA1", "a pcap file of a reserved variant (Mesquita)", EDITCAP),
    (b"\xA1\x2B\x3C\x4D", "a pcap file of a reserved variant (Navtel, ns)", EDITCAP),
    (b"\x4D\x3C\x2B\xA1", "a pcap file of a reserved variant (Navtel, ns)", EDITCAP),
    (b"\xA1\xB2\xC3\xCB", "a cBPF savefile: a packet filter, without packets", "give the capture itself"),
    (b"\xCB\xC3\xB2\xA1", "a cBPF savefile: a packet filter, without packets", "give the capture itself"),
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"PK\x05\x06", "a zip archive", UNPACK),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
    (b"Rar!\x1A\x07", "a rar archive", UNPACK),
    (b"\x02\x21\x4C\x18", "lz4's legacy format", "recompress it: lz4 -dc IN | lz4 - OUT.lz4"),
    (b"\x1F\x9D", "compressed by compress(1)", "uncompress it first"),
    (b"LZIP", "compressed by lzip", "uncompress it first"),
    (b"PAR1", "a Parquet file", "it holds tables, not packets: open it with Polars or pandas"),
];

/// Why a file that begins with `start` is not read.
pub(super) fn name(start: &[u8]) -> String {
    if start.is_empty() {
        return "empty file".to_owned();
    }
    if let Some((_, what, advice)) = MAGICS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return format!("{what}, not pcap or pcapng; {advice}");
    }
    if let Some(compression) = Compression::of(start) {
        return format!("compressed twice (again {} inside); uncompress it once", compression.name());
    }
    if start.get(257..262) == Some(b"ustar") {
        return format!("a tar archive, not pcap or pcapng; {UNPACK}");
    }
    if is_text(start) {
        return text(start);
    }
    if is_erf(start) {
        return format!("an Endace ERF capture, not pcap or pcapng; {EDITCAP}");
    }
    let magic: String = start.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("not a pcap or pcapng file (it begins with {magic}); if Wireshark reads it, {TSHARK}")
}

/// Why a text is not read.
fn text(start: &[u8]) -> String {
    let trimmed = start.trim_ascii_start();
    if trimmed.starts_with(b"<") && [&b"<pdml"[..], b"<psml"].iter().any(|root| memmem::find(start, root).is_some()) {
        return format!("packets as Wireshark describes them in XML (PDML, PSML), not a packet capture; {ORIGINAL}");
    }
    if trimmed.starts_with(b"{") || trimmed.starts_with(b"[") {
        return format!("JSON, not a packet capture; {ORIGINAL}");
    }
    if start.split(|&byte| byte == b'\n').any(is_dump) {
        return "a hex dump, not a packet capture; make it into one: text2pcap IN OUT.pcap".to_owned();
    }
    if is_base64(trimmed) {
        return "base64, not a packet capture; decode it first: base64 -d IN > OUT.pcap".to_owned();
    }
    if memmem::find(start, b"SIP/2.0").is_some() {
        return format!("SIP messages as text, not a packet capture: there are no addresses and no times; {ORIGINAL}");
    }
    format!("text, not a packet capture; {ORIGINAL}")
}

/// A line of a hex dump: an offset, then bytes of two digits each.
fn is_dump(line: &[u8]) -> bool {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b':')).filter(|word| !word.is_empty());
    let hexadecimal = |word: &[u8]| word.iter().all(u8::is_ascii_hexdigit);
    let offset = words.next().is_some_and(|word| (3..=16).contains(&word.len()) && hexadecimal(word));
    let mut bytes = 0;
    while bytes < 2 && words.next().is_some_and(|word| word.len() == 2 && hexadecimal(word)) {
        bytes += 1;
    }
    offset && bytes == 2
}

/// Lines of base64 (RFC 4648 §4) and nothing else, as long as an encoder makes them.
fn is_base64(text: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n');
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    first.len() >= 60 && text.iter().all(digit)
}

fn is_text(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The look may have cut a character in two.
        Err(error) if error.error_len().is_none() => {
            start.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'))
}

/// ERF has no magic number: two records in a row must make sense. A record is a little-endian 32.32 fixed-point time, a
/// type (bit 7: extension headers), flags, record length, loss counter, wire length.
fn is_erf(start: &[u8]) -> bool {
    fn record(at: &[u8]) -> Option<(u64, usize)> {
        let time = u64::from_le_bytes(*at.first_chunk()?);
        let kind = at.get(8)? & 0x7F;
        let length = usize::from(u16::from_be_bytes(*at.get(10..)?.first_chunk()?));
        ((1..=48).contains(&kind) && length >= 16 && time >> 32 > 0).then_some((time, length))
    }
    let Some((first, length)) = record(start) else { return false };
    let Some((second, _)) = start.get(length..).and_then(record) else { return false };
    second.wrapping_sub(first) >> 32 < 86_400
}
