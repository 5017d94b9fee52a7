//! pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets, statistics.

mod blocks;
mod clock;

pub use blocks::SECTION_HEADER;
use blocks::{
    BLOCK_FRAME_BYTES, BlockHead, CUSTOM, CUSTOM_NOT_COPIED, DECRYPTION_SECRETS, ENHANCED_PACKET,
    INTERFACE_DESCRIPTION, INTERFACE_STATISTICS, NAME_RESOLUTION, Options, Order, PACKET, SECTION, SIMPLE_PACKET,
    SYSTEMD_JOURNAL, Stated, TLS_KEY_LOG,
};
use clock::Clock;
use hashbrown::HashMap;

use super::state::{RESYNC_BYTES, Record, State};
use crate::container::window::{End, Window};
use crate::problem::{Code, Problems};

const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
const ISB_ENDTIME: u16 = 3;
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;

/// Bytes kept of an interface's name, and of what a section says of its host.
const TEXT_BYTES: usize = 255;

/// One interface of the current section.
#[derive(Debug, Clone, Copy)]
struct Interface {
    /// Counted over the whole file.
    index: u32,
    link: u16,
    /// 0: no limit.
    snap_len: u32,
    fcs: u32,
    clock: Clock,
}

/// Losses of one interface. The statistics block and the packets' own counts tell of the same losses, so the larger
/// of the two stands.
#[derive(Debug, Clone, Copy, Default)]
struct Dropped {
    by_statistics: u64,
    by_packets: u64,
}

pub(super) struct Reader {
    order: Order,
    /// Of the current section; their ids begin at 0 in each.
    interfaces: Vec<Interface>,
    /// Per interface of the file.
    dropped: Vec<Dropped>,
    hosts: HashMap<Vec<u8>, u32>,
    host: u32,
    /// The section was exported by us.
    ours: bool,
}

/// What became of a block.
enum Outcome {
    Packet(Record),
    Nothing,
    Odd(Fault),
}

/// A fault within a block whose own lengths are right.
struct Fault {
    code: Code,
    of_packet: bool,
    detail: String,
    /// The packet, when it can be handed on all the same.
    record: Option<Record>,
}

impl Outcome {
    #[cold]
    fn odd(code: Code, detail: String) -> Outcome {
        Outcome::Odd(Fault { code, of_packet: false, detail, record: None })
    }

    #[cold]
    fn lost_packet(code: Code, detail: String) -> Outcome {
        Outcome::Odd(Fault { code, of_packet: true, detail, record: None })
    }
}

impl Reader {
    /// Makes sure that a whole section header begins here; it is read as the first block.
    pub(super) fn open(window: &mut Window, state: &State) -> Result<Reader, String> {
        let Some(start) = window.peek_array::<BLOCK_FRAME_BYTES>() else {
            return Err(format!("pcapng section header cut: 28 bytes needed, {} available", window.available()));
        };
        let Some(head) = Order::of_section(start).and_then(|order| BlockHead::parse(start, order)) else {
            return Err("pcapng section header without a byte-order magic".to_owned());
        };
        if !head.believable(state) {
            let (len, max) = (head.len, state.max_block_bytes);
            return Err(format!("pcapng section header of {len} bytes (a multiple of 4 from 28 to {max})"));
        }
        let Some(block) = window.peek(head.len) else {
            let (len, available) = (head.len, window.available());
            return Err(format!("pcapng section header cut: {len} bytes needed, {available} available"));
        };
        let order = head.order;
        if let Some(major @ (0 | 2..)) = order.u16_at(block, 12) {
            return Err(format!("pcapng version {major} is not known (1 is)"));
        }
        Ok(Reader { order, interfaces: Vec::new(), dropped: Vec::new(), hosts: HashMap::new(), host: 0, ours: false })
    }

    #[inline]
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        state: &mut State,
        problems: &mut impl Problems,
    ) -> Option<Record> {
        loop {
            let Some(start) = window.peek_array::<BLOCK_FRAME_BYTES>() else {
                state.source_ended(window, problems, "block: 12 bytes needed");
                return None;
            };
            let Some(head) = BlockHead::parse(start, self.order).filter(|head| head.believable(state)) else {
                let kind = self.order.u32_at(start, 0).unwrap_or(0);
                let len = self.order.u32_at(start, 4).unwrap_or(0);
                let why = format!("block of type {kind:#x} and {len} bytes (12 to {})", state.max_block_bytes);
                self.resync_or_stop(window, state, problems, &why)?;
                continue;
            };
            let position = window.position();
            let Some(block) = window.peek(head.len) else {
                let what = format!("block of {} bytes", head.len);
                if matches!(window.end(), Some(End::OfFile)) && self.resync(window, state, problems, &what) {
                    continue;
                }
                state.source_ended(window, problems, &format!("{what} needed"));
                return None;
            };
            let repeated = block.last_chunk().map_or(0, |len| head.order.u32(*len));
            if repeated as usize != head.len {
                let why = format!("block length {} is repeated as {repeated}", head.len);
                // When a block follows where the first length says, only the repetition is wrong.
                if !self.block_follows(window, head.len, state) {
                    self.resync_or_stop(window, state, problems, &why)?;
                    continue;
                }
                state.lost(problems, Code::FileCorrupt, position, why);
            }
            let body = window.peek(head.len).and_then(|block| block.get(8..head.len - 4)).unwrap_or_default();
            let outcome = self.block(head, body, position + 8, state);
            window.advance(head.len);
            match outcome {
                Outcome::Packet(record) => return Some(record),
                Outcome::Nothing => {}
                Outcome::Odd(fault) => {
                    // Only this block is concerned: its lengths led to the next one.
                    state.info.cut |= fault.code == Code::FileCorrupt;
                    let frame = if fault.of_packet { state.frames } else { 0 };
                    state.report(problems, fault.code, frame, position, fault.detail);
                    if let Some(record) = fault.record {
                        return Some(record);
                    }
                }
            }
        }
    }

    #[inline]
    fn block(&mut self, head: BlockHead, body: &[u8], position: u64, state: &mut State) -> Outcome {
        match head.kind {
            ENHANCED_PACKET | PACKET | SIMPLE_PACKET => {
                state.count_packet();
                self.packet(head.kind, body, position, state)
            }
            _ => self.other_block(head, body, state),
        }
    }

    #[cold]
    fn other_block(&mut self, head: BlockHead, body: &[u8], state: &mut State) -> Outcome {
        match head.kind {
            SECTION => self.section(head.order, body, state),
            INTERFACE_DESCRIPTION => self.interface(body, state),
            INTERFACE_STATISTICS => self.statistics(body, state),
            // Wireshark shows these as frames, and we count frames as Wireshark does.
            SYSTEMD_JOURNAL | CUSTOM | CUSTOM_NOT_COPIED => {
                state.frames += 1;
                Outcome::Nothing
            }
            DECRYPTION_SECRETS if self.order.u32_at(body, 0) == Some(TLS_KEY_LOG) => {
                let length = self.order.u32_at(body, 4).unwrap_or(0) as usize;
                let log = body.get(8..).unwrap_or_default();
                state.key_logs.push(log.get(..length).unwrap_or(log).to_vec());
                Outcome::Nothing
            }
            // Names of hosts, keys of other protocols: nothing reads them yet.
            NAME_RESOLUTION | DECRYPTION_SECRETS => Outcome::Nothing,
            _ => Outcome::Nothing,
        }
    }

    fn section(&mut self, order: Order, body: &[u8], state: &State) -> Outcome {
        self.order = order;
        self.interfaces.clear();
        let mut hardware: &[u8] = &[];
        let mut system: &[u8] = &[];
        let mut ours = false;
        for (code, value) in self.options(body, 16) {
            match code {
                SHB_HARDWARE => hardware = clip(value),
                SHB_OS => system = clip(value),
                SHB_USERAPPL => ours = value == super::writer::APPLICATION,
                _ => {}
            }
        }
        self.ours = ours;
        let mut key = hardware.to_vec();
        // Neither text contains a zero byte, so the pair stays a pair.
        key.push(0);
        key.extend_from_slice(system);
        let known = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        if known >= state.max_interfaces && !self.hosts.contains_key(&key) {
            self.host = known.saturating_sub(1);
            return Outcome::odd(Code::InterfaceLimit, format!("more than max_interfaces {known} capturing hosts"));
        }
        self.host = *self.hosts.entry(key).or_insert(known);
        match self.order.u16_at(body, 4) {
            Some(1) => Outcome::Nothing,
            major => Outcome::odd(Code::FileCorrupt, format!("section of pcapng version {major:?} (1 is known)")),
        }
    }

    fn interface(&mut self, body: &[u8], state: &mut State) -> Outcome {
        let (Some(link), Some(snap_len)) = (self.order.u16_at(body, 0), self.order.u32_at(body, 4)) else {
            return Outcome::odd(Code::FileCorrupt, format!("interface: 8 bytes needed, {} available", body.len()));
        };
        let index = u32::try_from(self.dropped.len()).unwrap_or(u32::MAX);
        if index >= state.max_interfaces {
            return Outcome::odd(Code::InterfaceLimit, format!("more than max_interfaces {index} interfaces"));
        }
        let (mut resolution, mut offset_s, mut fcs, mut name) = (6, 0, 0, None);
        for (code, value) in self.options(body, 8) {
            match (code, value) {
                (IF_NAME, text) => name = Some(String::from_utf8_lossy(clip(text)).into_owned()),
                (IF_TSRESOL, [value, ..]) => resolution = *value,
                (IF_TSOFFSET, value) => {
                    offset_s = value.first_chunk().map_or(0, |value| self.order.u64(*value).cast_signed());
                }
                // In bits, says the draft; most writers mean bytes.
                (IF_FCSLEN, [16, ..]) => fcs = 2,
                (IF_FCSLEN, [32, ..]) => fcs = 4,
                (IF_FCSLEN, [bytes @ 0..=8, ..]) => fcs = u32::from(*bytes),
                _ => {}
            }
        }
        self.interfaces.push(Interface { index, link, snap_len, fcs, clock: Clock::new(resolution, offset_s) });
        self.dropped.push(Dropped::default());
        state.info.interfaces.push(name);
        state.saw_link(link);
        Outcome::Nothing
    }

    fn statistics(&mut self, body: &[u8], state: &mut State) -> Outcome {
        let Some(interface) = self.order.u32_at(body, 0).and_then(|id| self.interfaces.get(id as usize)) else {
            return Outcome::odd(Code::InterfaceUndeclared, "statistics of an interface not declared".to_owned());
        };
        let (index, clock) = (interface.index, interface.clock);
        let mut lost: Option<u64> = None;
        for (code, value) in self.options(body, 12) {
            if let (ISB_IFDROP | ISB_OSDROP, Some(value)) = (code, value.first_chunk()) {
                lost = Some(lost.unwrap_or(0).saturating_add(self.order.u64(*value)));
            }
            // Tools that cut a capture leave the statistics of the whole in it: only our own word is taken.
            if let (ISB_ENDTIME, true, Some(high), Some(low)) =
                (code, self.ours, self.order.u32_at(value, 0), self.order.u32_at(value, 4))
            {
                state.info.ended = state.info.ended.max(clock.time(u64::from(high) << 32 | u64::from(low)));
            }
        }
        if let Some(lost) = lost {
            self.note_dropped(index, state, |dropped| dropped.by_statistics = lost);
        }
        Outcome::Nothing
    }

    fn note_dropped(&mut self, interface: u32, state: &mut State, change: impl FnOnce(&mut Dropped)) {
        let Some(dropped) = self.dropped.get_mut(interface as usize) else { return };
        let before = dropped.total();
        change(dropped);
        let others = state.info.dropped.unwrap_or(0).saturating_sub(before);
        state.info.dropped = Some(others.saturating_add(dropped.total()));
    }

    /// `position` is that of the body.
    #[inline]
    fn packet(&mut self, kind: u32, body: &[u8], position: u64, state: &mut State) -> Outcome {
        let Some(stated) = Stated::parse(kind, body, self.order) else {
            return Outcome::lost_packet(Code::FileCorrupt, format!("packet block of {} bytes", body.len()));
        };
        let Some(&interface) = self.interfaces.get(stated.interface as usize) else {
            return Outcome::lost_packet(
                Code::InterfaceUndeclared,
                format!("packet on interface {}; its section has declared {}", stated.interface, self.interfaces.len()),
            );
        };
        let captured = match stated.captured {
            Some(captured) => captured,
            // A simple packet is cut at its interface's snap length, and does not say so.
            None => {
                let room = u32::try_from(body.len().saturating_sub(stated.data_at)).unwrap_or(u32::MAX);
                let snap_len = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
                stated.original.min(snap_len).min(room)
            }
        };
        let data_end = stated.data_at.saturating_add(captured as usize);
        if data_end > body.len() || captured > state.max_packet_bytes {
            let room = body.len().saturating_sub(stated.data_at);
            return Outcome::lost_packet(
                Code::FileCorrupt,
                format!(
                    "captured length {captured}; {room} bytes available, max_packet_bytes {}",
                    state.max_packet_bytes
                ),
            );
        }
        let mut fcs = interface.fcs;
        let options_at = stated.data_at.saturating_add((captured as usize).next_multiple_of(4));
        if kind != SIMPLE_PACKET && options_at < body.len() {
            for (code, value) in self.options(body, options_at) {
                match code {
                    EPB_DROPCOUNT => {
                        let lost = value.first_chunk().map_or(0, |value| self.order.u64(*value));
                        self.note_dropped(interface.index, state, |dropped| dropped.add(lost));
                    }
                    EPB_FLAGS => {
                        // Bits 5 to 8: length of the frame check sequence in bytes; 0 where it is not known.
                        let flags = self.order.u32_at(value, 0).unwrap_or(0);
                        fcs = Some(flags >> 5 & 0xF).filter(|bytes| *bytes != 0).unwrap_or(fcs);
                    }
                    _ => {}
                }
            }
        }
        if let Some(lost) = stated.dropped {
            self.note_dropped(interface.index, state, |dropped| dropped.add(lost));
        }
        // Without the frame check sequence a whole packet is a little shorter, and no less whole.
        let orig_len = stated.original.max(captured).saturating_sub(fcs);
        let mut record = Record {
            offset: position + stated.data_at as u64,
            len: captured.min(orig_len) as usize,
            time: None,
            interface: interface.index,
            host: self.host,
            link: interface.link,
            orig_len,
        };
        let Some(stamp) = stated.stamp else { return Outcome::Packet(record) };
        record.time = interface.clock.time(stamp);
        if record.time.is_some() {
            return Outcome::Packet(record);
        }
        let detail = format!("time stamp {stamp} in units of {} is not between 1677 and 2262", interface.clock);
        Outcome::Odd(Fault { code: Code::TimeOutOfRange, of_packet: true, detail, record: Some(record) })
    }

    fn options<'a>(&self, body: &'a [u8], at: usize) -> Options<'a> {
        Options { rest: body.get(at..).unwrap_or_default(), order: self.order }
    }

    #[cold]
    fn resync_or_stop(
        &self,
        window: &mut Window,
        state: &mut State,
        problems: &mut impl Problems,
        why: &str,
    ) -> Option<()> {
        if self.resync(window, state, problems, why) {
            return Some(());
        }
        let (offset, rest) = (window.position(), window.available().min(RESYNC_BYTES));
        let detail = format!("{why}; no block found in the next {rest} bytes, reading stops");
        state.lost(problems, Code::FileCorrupt, offset, detail);
        None
    }

    /// Goes to the next place that can be believed to begin a block: a known type, and the same length at both ends.
    #[cold]
    fn resync(&self, window: &mut Window, state: &mut State, problems: &mut impl Problems, why: &str) -> bool {
        let from = window.position();
        // Twice the distance, so that the whole of the block found lies within it too.
        let area = window.peek_up_to(2 * RESYNC_BYTES);
        let found = (1..area.len().min(RESYNC_BYTES))
            .find(|&skip| area.get(skip..).is_some_and(|rest| self.believable(rest, state)));
        let Some(skip) = found else { return false };
        window.advance(skip);
        state.lost(problems, Code::FileCorrupt, from, format!("{why}; {skip} bytes skipped to the next block"));
        true
    }

    fn believable(&self, bytes: &[u8], state: &State) -> bool {
        let head = bytes.first_chunk().and_then(|start| BlockHead::parse(start, self.order));
        head.is_some_and(|head| {
            head.is_known()
                && head.believable(state)
                && bytes.get(..head.len).and_then(|block| block.last_chunk()).map(|len| head.order.u32(*len) as usize)
                    == Some(head.len)
        })
    }

    #[cold]
    fn block_follows(&self, window: &mut Window, len: usize, state: &State) -> bool {
        let area = window.peek_up_to(len.saturating_add(RESYNC_BYTES));
        area.get(len..).is_some_and(|rest| rest.is_empty() || self.believable(rest, state))
    }
}

impl Dropped {
    fn add(&mut self, lost: u64) {
        self.by_packets = self.by_packets.saturating_add(lost);
    }

    fn total(self) -> u64 {
        self.by_statistics.max(self.by_packets)
    }
}

fn clip(text: &[u8]) -> &[u8] {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    text.get(..TEXT_BYTES).unwrap_or(text)
}
