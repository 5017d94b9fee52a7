//! A capture to be read.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::error::CaptureError;

/// One capture to read.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// As the user named it; what `messages.file` says.
    pub name: String,
    pub path: PathBuf,
    /// The capture point the user assigned, if any.
    pub point: Option<String>,
    /// How much of it is read; `None` for all. A capture that is still being written has no more in a second reading.
    pub bytes: Option<u64>,
    /// Of one that was read another time: it is read again for what others, or more of it, go on with.
    pub read_before: Option<ReadBefore>,
}

/// What was read of a file another time.
#[derive(Debug, Clone, Default)]
pub struct ReadBefore {
    /// The point of each of its hosts.
    pub hosts: Vec<(u32, usize)>,
    /// The number of its packets.
    pub frames: u64,
}

/// Opens its file.
pub fn open(source: &Source) -> Result<Box<dyn Read + Send>, CaptureError> {
    let refuse = |reason: String| CaptureError { path: source.name.clone(), offset: 0, reason };
    let file = File::open(&source.path).map_err(|error| refuse(error.to_string()))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(refuse("is a directory, not a capture".to_owned()));
    }
    Ok(match source.bytes {
        Some(bytes) => Box::new(file.take(bytes)),
        None => Box::new(file),
    })
}
