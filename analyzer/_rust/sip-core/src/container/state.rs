//! What both formats keep while they read, and hand on.

use super::window::{End, Window};
use crate::layer::Layer;
use crate::problem::{Code, Problem, Problems};

/// How far behind a corrupt place the next believable record is looked for.
pub(super) const RESYNC_BYTES: usize = 1 << 20;

/// What a capture file says about itself and what was read of it so far.
#[derive(Debug, Clone, Default)]
pub struct FileInfo {
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// `gzip`, `zstd`, `lz4`, `xz`, `bzip2`; `None` when the file is not compressed.
    pub compression: Option<&'static str>,
    /// LINKTYPE_ numbers declared, in order of appearance, each once.
    pub link_types: Vec<u16>,
    /// One name per interface of the file (pcapng if_name, at most 255 bytes), in the order of [`Packet::interface`](crate::packet::Packet::interface).
    pub interfaces: Vec<Option<String>>,
    /// Packets in the file, those that had to be skipped included.
    pub packets: u64,
    /// Smallest time stamp (ns since 1970).
    pub first_time: Option<i64>,
    /// Largest time stamp (ns since 1970).
    pub last_time: Option<i64>,
    /// When the capture that this one was exported from ended (ns since 1970): its packets may have ended long before.
    pub ended: Option<i64>,
    /// Packets stamped earlier than the packet before them.
    pub backward_steps: u64,
    /// Packets lost while capturing, as the file itself reports (pcapng only); `None` when it says nothing.
    pub dropped: Option<u64>,
    /// The file ends early, is corrupt somewhere, or could not be read to its end; `problems` says where.
    pub cut: bool,
}

/// What both formats keep while reading.
pub(super) struct State {
    pub info: FileInfo,
    /// Frames as Wireshark counts them: packets, and those pcapng blocks that Wireshark shows as frames.
    pub frames: u64,
    pub previous_time: Option<i64>,
    pub file: u32,
    pub max_packet_bytes: u32,
    pub max_block_bytes: u32,
    pub max_interfaces: u32,
    /// Key logs of TLS that were found and not taken yet.
    pub key_logs: Vec<Vec<u8>>,
}

/// One packet as the format readers hand it on: [`Packet`](crate::packet::Packet) without the borrow.
pub(super) struct Record {
    pub offset: u64,
    pub len: usize,
    pub time: Option<i64>,
    pub interface: u32,
    pub host: u32,
    pub link: u16,
    pub orig_len: u32,
}

impl State {
    /// Counts one packet, which is one frame.
    #[inline]
    pub fn count_packet(&mut self) {
        self.frames += 1;
        self.info.packets += 1;
    }

    #[inline]
    pub fn saw_time(&mut self, time: i64) {
        let info = &mut self.info;
        if self.previous_time.is_some_and(|previous| time < previous) {
            info.backward_steps += 1;
        }
        self.previous_time = Some(time);
        info.first_time = Some(info.first_time.map_or(time, |first| first.min(time)));
        info.last_time = Some(info.last_time.map_or(time, |last| last.max(time)));
    }

    pub fn saw_link(&mut self, link: u16) {
        if !self.info.link_types.contains(&link) {
            self.info.link_types.push(link);
        }
    }

    pub fn report(&mut self, problems: &mut impl Problems, code: Code, frame: u64, offset: u64, detail: String) {
        problems.report(Problem { code, layer: Layer::CONTAINER, file: self.file, frame, offset, detail });
    }

    /// Part of the file is lost at `offset`.
    pub fn lost(&mut self, problems: &mut impl Problems, code: Code, offset: u64, detail: String) {
        self.info.cut = true;
        self.report(problems, code, 0, offset, detail);
    }

    /// The source gave fewer bytes than the next record needs. Says why, unless the file simply ends between records.
    #[cold]
    pub fn source_ended(&mut self, window: &Window, problems: &mut impl Problems, what: &str) {
        let rest = window.available();
        let (code, why) = match window.end() {
            None | Some(End::OfFile) if rest == 0 => return,
            None | Some(End::OfFile) => (Code::FileCut, format!("{what}, {rest} bytes available")),
            Some(End::Cut(why)) => (Code::FileCut, why.clone()),
            Some(End::Corrupt(why)) => (Code::FileCorrupt, why.clone()),
            Some(End::Failed(why)) => (Code::FileUnreadable, why.clone()),
            Some(End::Limit) => (
                Code::DecompressedLimit,
                format!("max_decompressed_bytes reached after {} bytes", window.position() + rest as u64),
            ),
        };
        self.lost(problems, code, window.position(), why);
    }
}
