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
mod state;
mod window;
mod writer;

use std::io::Read;
use std::sync::Arc;

use crate::error::CaptureError;
use crate::limits::Limits;
use crate::packet::Packet;
use crate::problem::Problems;
use compression::{Compression, Progress};
pub use state::FileInfo;
use state::State;
use window::{End, Window};
pub use writer::Writer;

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
        key_logs: Vec::new(),
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

    /// There are key logs to be taken.
    #[inline]
    pub fn has_key_logs(&self) -> bool {
        !self.state.key_logs.is_empty()
    }

    /// The key logs of TLS that were found since this was asked last (pcapng decryption secrets blocks).
    pub fn take_key_logs(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.key_logs)
    }

    /// Bytes taken from the source so far (before decompression), for showing progress.
    pub fn bytes_read(&self) -> u64 {
        self.progress.bytes()
    }
}
