//! Captures as files: compression, pcap and pcapng records, one [`Packet`] after another.
//!
//! ```text
//! source -> compression -> Window -> pcap | pcapng -> Packet
//! ```
//!
//! A [`Packet`] borrows the window's buffer: nothing is copied or allocated per packet. What cannot be read at all is a
//! [`CaptureError`]; what breaks later is a row in `problems`, and everything before it has been delivered.

mod compression;
mod foreign;
mod pcap;
mod pcapng;
mod window;
mod writer;

use std::io::Read;
use std::sync::Arc;

use crate::error::CaptureError;
use crate::limits::Limits;
use crate::packet::Packet;
use crate::problem::{Code, Layer, Problem, Problems};
use compression::{Compression, Progress};
use window::{End, Window};
pub use writer::Writer;

/// How far behind a corrupt place the next believable record is looked for.
const RESYNC_BYTES: usize = 1 << 20;

/// What a capture file says about itself and what was read of it so far.
#[derive(Debug, Clone, Default)]
pub struct FileInfo {
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// `gzip`, `zstd`, `lz4`, `xz`, `bzip2`; `None` when the file is not compressed.
    pub compression: Option<&'static str>,
    /// LINKTYPE_ numbers declared, in order of appearance, each once.
    pub link_types: Vec<u16>,
    /// One name per interface of the file (pcapng if_name, at most 255 bytes), in the order of [`Packet::interface`].
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

/// A capture being read, packet by packet, in the order of the file.
pub struct Capture {
    window: Window,
    format: Format,
    state: State,
    progress: Arc<Progress>,
    ended: bool,
}

enum Format {
    Pcap(pcap::Reader),
    Pcapng(pcapng::Reader),
}

/// What both formats keep while reading.
struct State {
    info: FileInfo,
    /// Frames as Wireshark counts them: packets, and those pcapng blocks that Wireshark shows as frames.
    frames: u64,
    previous_time: Option<i64>,
    file: u32,
    max_packet_bytes: u32,
    max_block_bytes: u32,
    max_interfaces: u32,
}

/// One packet as the format readers hand it on: [`Packet`] without the borrow.
struct Record {
    offset: u64,
    len: usize,
    time: Option<i64>,
    interface: u32,
    host: u32,
    link: u16,
    orig_len: u32,
}

/// Opens a capture from any byte source.
///
/// Compression (gzip, zstd, lz4 frames, xz, bzip2; several members or frames in a row) and format (pcap, pcapng) are
/// recognised by their magic numbers. `path` names the source in errors, `file` is its index in `problems`.
///
/// # Errors
/// When no packet of it can ever be read: an empty file, a header cut short, another format (which is named).
pub fn open(source: Box<dyn Read + Send>, path: &str, file: u32, limits: &Limits) -> Result<Capture, CaptureError> {
    let refuse = |offset: u64, reason: String| CaptureError { path: path.to_owned(), offset, reason };

    let progress = Arc::new(Progress::default());
    let (source, compression) = compression::recognise(source, &progress, limits)
        .map_err(|error| refuse(progress.bytes(), format!("cannot be read: {error}")))?;
    let limit = if compression.is_some() { limits.max_decompressed_bytes } else { u64::MAX };
    let mut window = Window::new(source, limit, Arc::clone(&progress));
    let mut state = State {
        info: FileInfo { compression: compression.map(Compression::name), ..FileInfo::default() },
        frames: 0,
        previous_time: None,
        file,
        max_packet_bytes: limits.max_packet_bytes,
        max_block_bytes: limits.max_block_bytes,
        max_interfaces: limits.max_interfaces,
    };

    let magic = window.peek_up_to(4).first_chunk::<4>().copied();
    let format = match magic {
        Some(magic) if pcap::is_magic(magic) => {
            state.info.format = "pcap";
            pcap::Reader::open(&mut window, &mut state).map(Format::Pcap)
        }
        Some(pcapng::SECTION_HEADER) => {
            state.info.format = "pcapng";
            pcapng::Reader::open(&mut window, &state).map(Format::Pcapng)
        }
        _ => Err(foreign::name(window.peek_up_to(foreign::LOOK_BYTES))),
    };
    let format = format.map_err(|reason| match window.end() {
        Some(End::Cut(why) | End::Corrupt(why) | End::Failed(why)) => refuse(window.position(), why.clone()),
        _ => refuse(window.position(), reason),
    })?;
    Ok(Capture { window, format, state, progress, ended: false })
}

impl Capture {
    /// The next packet; `None` at the end of what can be read.
    ///
    /// A file that is cut or corrupt ends with a row in `problems` and [`FileInfo::cut`]; where reading can be resumed
    /// behind a corrupt place, it is.
    #[inline]
    pub fn next(&mut self, problems: &mut impl Problems) -> Option<Packet<'_>> {
        if self.ended {
            return None;
        }
        let record = match &mut self.format {
            Format::Pcap(reader) => reader.next(&mut self.window, &mut self.state, problems),
            Format::Pcapng(reader) => reader.next(&mut self.window, &mut self.state, problems),
        };
        let Some(record) = record else {
            self.ended = true;
            return None;
        };
        if let Some(time) = record.time {
            self.state.saw_time(time);
        }
        Some(Packet {
            frame: self.state.frames,
            offset: record.offset,
            time: record.time,
            interface: record.interface,
            host: record.host,
            link: record.link,
            orig_len: record.orig_len,
            data: self.window.at(record.offset, record.len),
        })
    }

    /// What is known of the file so far; final once [`Capture::next`] has returned `None`.
    pub fn info(&self) -> &FileInfo {
        &self.state.info
    }

    /// Bytes taken from the source so far (before decompression), for showing progress.
    pub fn bytes_read(&self) -> u64 {
        self.progress.bytes()
    }
}

impl State {
    /// Counts one packet, which is one frame.
    #[inline]
    fn count_packet(&mut self) {
        self.frames += 1;
        self.info.packets += 1;
    }

    #[inline]
    fn saw_time(&mut self, time: i64) {
        let info = &mut self.info;
        if self.previous_time.is_some_and(|previous| time < previous) {
            info.backward_steps += 1;
        }
        self.previous_time = Some(time);
        info.first_time = Some(info.first_time.map_or(time, |first| first.min(time)));
        info.last_time = Some(info.last_time.map_or(time, |last| last.max(time)));
    }

    fn saw_link(&mut self, link: u16) {
        if !self.info.link_types.contains(&link) {
            self.info.link_types.push(link);
        }
    }

    fn report(&mut self, problems: &mut impl Problems, code: Code, frame: u64, offset: u64, detail: String) {
        problems.report(Problem { code, layer: Layer::Container, file: self.file, frame, offset, detail });
    }

    /// Part of the file is lost at `offset`.
    fn lost(&mut self, problems: &mut impl Problems, code: Code, offset: u64, detail: String) {
        self.info.cut = true;
        self.report(problems, code, 0, offset, detail);
    }

    /// The source gave fewer bytes than the next record needs. Says why, unless the file simply ends between records.
    #[cold]
    fn source_ended(&mut self, window: &Window, problems: &mut impl Problems, what: &str) {
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
