//! pcap savefiles (draft-ietf-opsawg-pcap; libpcap sf-pcap.c): every byte order, resolution and version libpcap reads.

use super::state::{RESYNC_BYTES, Record, State};
use crate::container::window::{End, Window};
use crate::problem::{Code, Problems};

const FILE_HEADER_BYTES: usize = 24;
const NS_PER_S: i64 = 1_000_000_000;
/// Records of one capture are believed to be no further apart than this when a corrupt place is skipped.
const DAY_S: i64 = 86_400;
/// Record headers that were written behind the ordinary magic numbers: libpcap; Nokia IPSO (4 bytes more); Kuznetzov's, and
/// those of Red Hat 6.1 and SuSE 6.3 (libpcap of 1999). Wireshark tells them apart by the records, too (wiretap/libpcap.c).
const RECORD_HEADERS: [usize; 4] = [16, 20, 24, 28];
/// So many records show the size of the header, so many the unit of the time.
const LOOK_RECORDS: usize = 16;
const LOOK_TIMES: usize = 256;
const LOOK_BYTES: usize = 256 << 10;
const CONVERT: &str = "perhaps a variant of pcap: editcap -F pcap IN OUT.pcap";

pub(super) fn is_magic(start: [u8; 4]) -> bool {
    Variant::of(start).is_some()
}

/// What the magic number says.
#[derive(Debug, Clone, Copy)]
struct Variant {
    big_endian: bool,
    /// Nanoseconds in one unit of the second time field.
    fraction_ns: i64,
    /// 16 bytes, or Kuznetzov's 24 (interface index, protocol, packet type follow); or what the records show.
    record_header: usize,
}

impl Variant {
    fn of(magic: [u8; 4]) -> Option<Variant> {
        let of = |magic| match magic {
            0xA1B2_C3D4_u32 => Some((1_000, 16)),
            0xA1B2_3C4D => Some((1, 16)),
            0xA1B2_CD34 => Some((1_000, 24)),
            _ => None,
        };
        let (big_endian, (fraction_ns, record_header)) = match of(u32::from_be_bytes(magic)) {
            Some(variant) => (true, variant),
            None => (false, of(u32::from_le_bytes(magic))?),
        };
        Some(Variant { big_endian, fraction_ns, record_header })
    }
}

/// In which order a record header holds captured and original length.
#[derive(Debug, Clone, Copy)]
enum Lengths {
    CapturedFirst,
    /// Versions before 2.3, and DG/UX.
    OriginalFirst,
    /// Version 2.3 was written both ways: the captured length is the smaller one.
    SmallerIsCaptured,
}

#[derive(Debug, Clone, Copy)]
struct FileHeader {
    variant: Variant,
    lengths: Lengths,
    link: u16,
    /// Bytes of frame check sequence at the end of each packet.
    fcs: u32,
}

/// The 16 bytes that every variant's record header begins with.
#[derive(Debug, Clone, Copy)]
struct RecordHeader {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl FileHeader {
    fn parse(bytes: &[u8; FILE_HEADER_BYTES]) -> Result<FileHeader, String> {
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or("no magic")?;
        let variant = Variant::of(*magic).ok_or("no pcap magic")?;
        let u16_at = |at: usize| match rest.get(at..).and_then(|field| field.first_chunk()) {
            Some(&field) if variant.big_endian => u16::from_be_bytes(field),
            Some(&field) => u16::from_le_bytes(field),
            None => 0,
        };
        let (major, minor) = (u16_at(0), u16_at(2));
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, 4) => Lengths::CapturedFirst,
            _ => return Err(format!("pcap version {major}.{minor} is not known (2.0 to 2.4 are)")),
        };
        // The last word: FCS length in 16-bit units (4 bits), its presence (bit 26), link type (low 16 bits).
        let (high, low) = if variant.big_endian { (u16_at(16), u16_at(18)) } else { (u16_at(18), u16_at(16)) };
        let fcs = if high & 0x0400 != 0 { u32::from(high >> 12) * 2 } else { 0 };
        Ok(FileHeader { variant, lengths, link: low, fcs })
    }

    #[inline]
    fn record(&self, bytes: &[u8; 16]) -> RecordHeader {
        let [a, b, c, d] = words(bytes, self.variant.big_endian);
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (c, d),
            Lengths::OriginalFirst => (d, c),
            Lengths::SmallerIsCaptured => (c.min(d), c.max(d)),
        };
        RecordHeader { seconds: a, fraction: b, captured, original }
    }

    /// Is this the header of a record? Captured length, fraction (in either unit) and distance from another time are possible.
    fn possible(&self, record: RecordHeader, max_packet_bytes: u32, near: Option<RecordHeader>) -> bool {
        record.captured > 0
            && record.captured <= record.original
            && record.original <= max_packet_bytes
            && i64::from(record.fraction) < NS_PER_S
            && near.is_none_or(|near| near.seconds.abs_diff(record.seconds) <= DAY_S as u32)
    }

    /// The headers of the records at the start of `bytes`, if they are `record_header` bytes long, up to `most`; and whether
    /// what is behind them is another record, the end, or one that is cut.
    fn records(
        &self,
        record_header: usize,
        bytes: &[u8],
        max_packet_bytes: u32,
        most: usize,
    ) -> (Vec<RecordHeader>, Rest) {
        let (mut rest, mut records) = (bytes, Vec::new());
        while records.len() < most {
            if rest.is_empty() {
                return (records, Rest::Nothing);
            }
            let Some(header) = rest.first_chunk().map(|bytes| self.record(bytes)) else { return (records, Rest::Cut) };
            if !self.possible(header, max_packet_bytes, records.last().copied()) {
                return (records, Rest::Impossible);
            }
            let Some(behind) = rest.get(record_header + header.captured as usize..) else {
                return (records, Rest::Cut);
            };
            records.push(header);
            rest = behind;
        }
        (records, Rest::Records)
    }

    /// The size of the record header by the records in `bytes`: what the magic number says where it fits, else the size with
    /// which several records in a row, or one up to the end of the file, are possible.
    fn record_header(&self, bytes: &[u8], at_end: bool, max_packet_bytes: u32) -> usize {
        let stated = self.variant.record_header;
        let fit = |size| self.records(size, bytes, max_packet_bytes, LOOK_RECORDS);
        let (records, rest) = fit(stated);
        let alone = records.len() == 1 && at_end && self.holds_no_ethertype(bytes, stated);
        if rest != Rest::Impossible && !(alone && rest == Rest::Cut) {
            return stated;
        }
        let other = |size: &usize| {
            let (records, rest) = fit(*size);
            match rest {
                Rest::Records | Rest::Cut => records.len() >= 2,
                Rest::Nothing => records.len() >= 2 || (at_end && !self.holds_no_ethertype(bytes, *size)),
                Rest::Impossible => false,
            }
        };
        RECORD_HEADERS.into_iter().filter(|size| *size != stated).find(other).unwrap_or(stated)
    }

    /// Ethernet whose first frame does not say IPv4, IPv6, ARP or a VLAN tag behind a record header of this size.
    fn holds_no_ethertype(&self, bytes: &[u8], record_header: usize) -> bool {
        const ETHERNET: u16 = 1;
        let ethertype = bytes.get(record_header + 12..).and_then(|rest| rest.first_chunk());
        let known = |of: &[u8; 2]| matches!(u16::from_be_bytes(*of), 0x0800 | 0x86DD | 0x0806 | 0x8100 | 0x88A8);
        self.link == ETHERNET && !ethertype.is_some_and(known)
    }

    /// Do most of these records have fractions that are no microseconds, and all such as nanoseconds can have?
    fn is_in_nanoseconds(&self, records: &[RecordHeader]) -> bool {
        let beyond = |limit| records.iter().filter(|record| record.fraction >= limit).count();
        // Two seconds and more are no carry that was left out.
        self.variant.fraction_ns == 1_000
            && 2 * beyond(1_000_000) > records.len()
            && beyond(2_000_000) > 0
            && records.iter().all(|record| i64::from(record.fraction) < NS_PER_S)
    }

    /// Nanoseconds since 1970. The fraction may be a second and more: it is carried.
    #[inline]
    fn time(&self, record: RecordHeader) -> i64 {
        // At most (2^32 - 1) * 10^9 + (2^32 - 1) * 10^3, well below 2^63.
        i64::from(record.seconds) * NS_PER_S + i64::from(record.fraction) * self.variant.fraction_ns
    }
}

/// What is behind records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// More than was asked for.
    Records,
    Nothing,
    /// Less than a record.
    Cut,
    /// No record.
    Impossible,
}

#[inline]
fn words(bytes: &[u8; 16], big_endian: bool) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = if big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    }
    words
}

pub(super) struct Reader {
    header: FileHeader,
    /// The first records behind this header were looked at.
    looked: bool,
}

impl Reader {
    pub(super) fn open(window: &mut Window, state: &mut State) -> Result<Reader, String> {
        let Some(bytes) = window.peek_array::<FILE_HEADER_BYTES>() else {
            return Err(format!("pcap file header cut: 24 bytes needed, {} available", window.available()));
        };
        let header = FileHeader::parse(bytes)?;
        window.advance(FILE_HEADER_BYTES);
        state.saw_link(header.link);
        state.info.interfaces.push(None);
        Ok(Reader { header, looked: false })
    }

    /// What the first records show of the variant, beyond what the magic number says. The same bytes of a file are looked at
    /// in however many pieces its source gives them.
    #[cold]
    fn look(&mut self, window: &mut Window, state: &mut State, problems: &mut impl Problems) {
        self.looked = true;
        // One more tells whether the file ends here: one of a single packet has nothing but its end to fit.
        window.peek_up_to(LOOK_BYTES + 1);
        let at_end = matches!(window.end(), Some(End::OfFile)) && window.available() <= LOOK_BYTES;
        let header = &mut self.header;
        let bytes = window.peek_up_to(LOOK_BYTES);
        header.variant.record_header = header.record_header(bytes, at_end, state.max_packet_bytes);
        let records = header.records(header.variant.record_header, bytes, state.max_packet_bytes, LOOK_TIMES).0;
        if header.is_in_nanoseconds(&records) {
            header.variant.fraction_ns = 1;
            let detail = "the magic number says microseconds, but most packets have 1,000,000 and more of them: \
                          read as nanoseconds";
            state.report(problems, Code::TimeFractionInvalid, 0, window.position(), detail.to_owned());
        }
    }

    #[inline]
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        state: &mut State,
        problems: &mut impl Problems,
    ) -> Option<Record> {
        loop {
            if !self.looked {
                self.look(window, state, problems);
            }
            let Some(bytes) = window.peek_array::<16>() else {
                state.source_ended(window, problems, "record header: 16 bytes needed");
                return None;
            };
            let record = self.header.record(bytes);
            let odd =
                record.captured == 0 || record.captured > record.original || record.captured > state.max_packet_bytes;
            if odd && self.odd_record(record, window, state, problems)? {
                continue;
            }
            let header_len = self.header.variant.record_header;
            let record_len = header_len + record.captured as usize;
            if window.peek(record_len).is_none() {
                let what = format!("record of {record_len} bytes");
                if matches!(window.end(), Some(End::OfFile)) && self.resync(window, state, problems, &what) {
                    continue;
                }
                state.source_ended(window, problems, &format!("{what} needed"));
                return None;
            }
            let offset = window.position() + header_len as u64;
            window.advance(record_len);
            state.count_packet();
            if i64::from(record.fraction) * self.header.variant.fraction_ns >= NS_PER_S {
                let detail = format!("{} units below the second, which is a second and more: carried", record.fraction);
                state.report(problems, Code::TimeFractionInvalid, state.frames, offset, detail);
            }
            // Without the frame check sequence a whole packet is a little shorter, and no less whole.
            let orig_len = record.original.max(record.captured).saturating_sub(self.header.fcs);
            return Some(Record {
                offset,
                len: record.captured.min(orig_len) as usize,
                time: Some(self.header.time(record)),
                interface: 0,
                host: 0,
                link: self.header.link,
                orig_len,
            });
        }
    }

    /// A record header that is seldom right. `Some(false)`: take it as it is; `Some(true)`: it was dealt with; `None`:
    /// nothing behind it can be read.
    #[cold]
    fn odd_record(
        &mut self,
        record: RecordHeader,
        window: &mut Window,
        state: &mut State,
        problems: &mut impl Problems,
    ) -> Option<bool> {
        // Savefiles put one behind the other: the next one's file header in place of a record header.
        if let Some(Ok(header)) = window.peek_array().map(FileHeader::parse) {
            window.advance(FILE_HEADER_BYTES);
            (self.header, self.looked) = (header, false);
            state.saw_link(header.link);
            return Some(true);
        }
        let why = if record.captured > state.max_packet_bytes {
            format!("captured length {} exceeds max_packet_bytes {}", record.captured, state.max_packet_bytes)
        } else if record.seconds == 0 && record.fraction == 0 && record.original == 0 && record.captured == 0 {
            "record header of zeros".to_owned()
        } else {
            return Some(false);
        };
        if self.resync(window, state, problems, &why) {
            return Some(true);
        }
        let (offset, rest) = (window.position(), window.available());
        let perhaps = if state.info.packets <= 1 { format!("; {CONVERT}") } else { String::new() };
        let detail =
            format!("{why}; no record found in the next {} bytes, reading stops{perhaps}", rest.min(RESYNC_BYTES));
        state.lost(problems, Code::FileCorrupt, offset, detail);
        None
    }

    /// Goes to the next place where two records in a row (or one, and the end of the file) can be believed.
    #[cold]
    fn resync(&self, window: &mut Window, state: &mut State, problems: &mut impl Problems, why: &str) -> bool {
        let from = window.position();
        // Twice the distance, so that the record behind the one found lies within it too.
        let look = window.peek_up_to(2 * RESYNC_BYTES).len();
        let at_end = matches!(window.end(), Some(End::OfFile));
        let area = window.peek_up_to(look);
        let found = (1..area.len().min(RESYNC_BYTES))
            .find(|&skip| area.get(skip..).is_some_and(|rest| self.believable(rest, at_end, state)));
        let Some(skip) = found else { return false };
        window.advance(skip);
        state.lost(problems, Code::FileCorrupt, from, format!("{why}; {skip} bytes skipped to the next record"));
        true
    }

    fn believable(&self, bytes: &[u8], at_end: bool, state: &State) -> bool {
        let Some(first) = bytes.first_chunk::<16>().map(|bytes| self.header.record(bytes)) else { return false };
        let near = |a: i64, b: i64| a.abs_diff(b) <= (DAY_S * NS_PER_S).unsigned_abs();
        let possible = |record: RecordHeader| {
            self.header.possible(record, state.max_packet_bytes, None)
                && i64::from(record.fraction) * self.header.variant.fraction_ns < NS_PER_S
        };
        let in_time = || {
            let time = self.header.time(first);
            let known = state.info.first_time.into_iter().chain(state.info.last_time);
            state.info.first_time.is_none() || known.into_iter().any(|known| near(time, known))
        };
        if !(possible(first) && in_time()) {
            return bytes.first_chunk().is_some_and(|bytes| is_magic_start(bytes) && FileHeader::parse(bytes).is_ok());
        }
        match bytes.get(self.header.variant.record_header + first.captured as usize..) {
            Some([]) => at_end,
            Some(rest) => rest
                .first_chunk::<16>()
                .map(|bytes| self.header.record(bytes))
                .is_some_and(|second| possible(second) && near(self.header.time(first), self.header.time(second))),
            None => false,
        }
    }
}

fn is_magic_start(bytes: &[u8; FILE_HEADER_BYTES]) -> bool {
    bytes.first_chunk().is_some_and(|magic| is_magic(*magic))
}
