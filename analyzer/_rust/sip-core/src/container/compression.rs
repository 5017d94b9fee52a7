//! Compressed captures, recognised by magic and decompressed on a thread of their own.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::limits::Limits;

/// Compressed bytes read at a time.
const INPUT_BYTES: usize = 256 << 10;
/// Decompressed bytes handed from thread to thread at a time.
const BLOCK_BYTES: usize = 512 << 10;
/// Blocks on their way between the two threads.
const BLOCKS_AHEAD: usize = 4;
/// Bytes asked of a decoder at once. A decoder that meets corrupt data drops what it had of the current call, so this
/// is also the most that is lost in front of a corrupt place.
const STEP_BYTES: usize = 16 << 10;

/// A compression format that captures are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Compression {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }

    /// By the first bytes of a file; six are enough.
    pub(super) fn of(start: &[u8]) -> Option<Compression> {
        match start {
            [0x1F, 0x8B, 8, ..] => Some(Compression::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Compression::Zstd),
            [0x04, 0x22, 0x4D, 0x18, ..] => Some(Compression::Lz4),
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Compression::Bzip2),
            _ => None,
        }
    }

    fn decoder(self, source: impl Read + Send + 'static, limits: &Limits) -> io::Result<Box<dyn Read + Send>> {
        let source = BufReader::with_capacity(INPUT_BYTES, Filled { source, error: None });
        Ok(match self {
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source)?;
                // libzstd accepts 10 to 31.
                decoder.window_log_max(limits.max_decoder_bytes.max(1).ilog2().clamp(10, 31))?;
                Box::new(decoder)
            }
            Compression::Lz4 => Box::new(Lz4Frames { decoder: lz4_flex::frame::FrameDecoder::new(NoEnd(source)) }),
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    limits.max_decoder_bytes,
                    liblzma::stream::CONCATENATED,
                )?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(source, stream))
            }
            Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
        })
    }
}

/// How far the source was read, and whether it was the source that failed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    failed: AtomicBool,
}

impl Progress {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn source_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

/// The source, keeping [`Progress`].
struct Watched {
    source: Box<dyn Read + Send>,
    progress: Arc<Progress>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.read(buffer) {
                Ok(n) => {
                    self.progress.bytes.fetch_add(n as u64, Ordering::Relaxed);
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.progress.failed.store(true, Ordering::Release);
                    return Err(error);
                }
            }
        }
    }
}

/// A source that fills the buffer it is given. How much a decoder gives before a corrupt place depends on the pieces it
/// is fed, and a pipe must give what a file gives.
struct Filled<R> {
    source: R,
    /// Came after bytes; told at the next call.
    error: Option<io::Error>,
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.source.read(free) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if filled == 0 => return Err(error),
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        Ok(filled)
    }
}

/// The decompressed bytes of a source, and how they were compressed.
pub(super) fn recognise(
    source: Box<dyn Read + Send>,
    progress: &Arc<Progress>,
    limits: &Limits,
) -> io::Result<(Box<dyn Read + Send>, Option<Compression>)> {
    let mut source = Watched { source, progress: Arc::clone(progress) };
    let mut start = read_up_to(&mut source, 6)?;
    // zstd and lz4 share the skippable frames that may come first.
    while let Some(size) = skippable_frame(&mut start, &mut source)? {
        let here = start.len() as u64;
        start.drain(..start.len().min(usize::try_from(size).unwrap_or(usize::MAX)));
        io::copy(&mut source.by_ref().take(size.saturating_sub(here)), &mut io::sink())?;
        start.extend(read_up_to(&mut source, 6 - start.len())?);
    }
    let compression = Compression::of(&start);
    let source = Cursor::new(start).chain(source);
    Ok(match compression {
        None => (Box::new(source), None),
        Some(compression) => (Box::new(Ahead::start(compression.decoder(source, limits)?)?), Some(compression)),
    })
}

/// When `start` is that of a skippable frame (RFC 8878 §3.1.2): its payload's size, its header taken off `start`.
fn skippable_frame(start: &mut Vec<u8>, source: &mut impl Read) -> io::Result<Option<u64>> {
    if !matches!(start.as_slice(), [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]) {
        return Ok(None);
    }
    start.extend(read_up_to(source, 8usize.saturating_sub(start.len()))?);
    let size = start.get(4..).and_then(|size| size.first_chunk()).copied().map_or(0, u32::from_le_bytes);
    start.drain(..start.len().min(8));
    Ok(Some(u64::from(size)))
}

fn read_up_to(source: &mut impl Read, n: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(n);
    source.by_ref().take(n as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Decompressed blocks, made on another thread while the packets of the last block are being read.
struct Ahead {
    blocks: Receiver<Block>,
    spent: Sender<Vec<u8>>,
    current: Vec<u8>,
    taken: usize,
}

enum Block {
    Bytes(Vec<u8>),
    End,
    Failed(io::Error),
}

impl Ahead {
    fn start(decoder: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
        let (spent, reusable) = channel();
        std::thread::Builder::new()
            .name("decompress".to_owned())
            .spawn(move || decompress(decoder, &sender, &reusable))?;
        Ok(Self { blocks, spent, current: Vec::new(), taken: 0 })
    }
}

/// Runs until the data end, a fault, or the reader's departure (the channel is closed).
fn decompress(mut decoder: Box<dyn Read + Send>, blocks: &SyncSender<Block>, reusable: &Receiver<Vec<u8>>) {
    loop {
        let mut block: Vec<u8> = reusable.try_recv().unwrap_or_default();
        block.resize(BLOCK_BYTES, 0);
        let mut filled = 0;
        let mut last = None;
        for step in block.chunks_mut(STEP_BYTES) {
            match read_full(&mut decoder, step) {
                (n, None) => filled += n,
                (n, Some(end)) => {
                    filled += n;
                    last = Some(end);
                    break;
                }
            }
        }
        block.truncate(filled);
        if blocks.send(Block::Bytes(block)).is_err() {
            return;
        }
        if let Some(last) = last {
            let _ = blocks.send(last);
            return;
        }
    }
}

fn read_full(decoder: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<Block>) {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match decoder.read(free) {
            Ok(0) => return (filled, Some(Block::End)),
            Ok(n) => filled += n,
            Err(error) => return (filled, Some(Block::Failed(error))),
        }
    }
    (filled, None)
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut left = self.current.get(self.taken..).unwrap_or_default();
            if !left.is_empty() {
                let n = left.read(buffer)?;
                self.taken += n;
                return Ok(n);
            }
            match self.blocks.recv() {
                Ok(Block::Bytes(block)) => {
                    let spent = std::mem::replace(&mut self.current, block);
                    self.taken = 0;
                    // The other thread may have ended; then nobody needs the block.
                    let _ = self.spent.send(spent);
                }
                Ok(Block::End) => return Ok(0),
                Ok(Block::Failed(error)) => return Err(error),
                Err(_) => return Err(io::Error::new(ErrorKind::InvalidData, "the decompressor gave up")),
            }
        }
    }
}

/// lz4 frames one behind the other, skippable frames between them. `FrameDecoder` ends at each frame, and takes a
/// file that ends between two blocks for the end of its frame; [`NoEnd`] keeps the two apart.
struct Lz4Frames<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<NoEnd<R>>,
}

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoder.read(buffer) {
                Ok(0) => {
                    if self.decoder.get_mut().0.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                }
                Ok(n) => return Ok(n),
                Err(error) if error.kind() == NoEnd::<R>::KIND => {
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, "incomplete lz4 frame"));
                }
                Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                    Some(&lz4_flex::frame::Error::SkippableFrame(size)) => {
                        let source = &mut self.decoder.get_mut().0;
                        io::copy(&mut source.take(u64::from(size)), &mut io::sink())?;
                        if source.fill_buf()?.is_empty() {
                            return Ok(0);
                        }
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}

/// A reader whose end is an error.
struct NoEnd<R>(R);

impl<R> NoEnd<R> {
    /// A kind that neither a decoder nor a file gives.
    const KIND: ErrorKind = ErrorKind::NotConnected;
}

impl<R: Read> Read for NoEnd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(Self::KIND.into()),
            n => Ok(n),
        }
    }
}
