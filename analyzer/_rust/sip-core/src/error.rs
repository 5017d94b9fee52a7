//! A capture that cannot be read at all. What is only odd inside a readable capture is a [`crate::problem::Problem`].

/// Nothing of this source can be read: what, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason} (at byte {offset})")]
pub struct CaptureError {
    pub path: String,
    /// Byte position in the file after decompression.
    pub offset: u64,
    pub reason: String,
}
