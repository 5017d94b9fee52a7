//! How to read, how far reading is, and why it failed.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;

use arrow_schema::ArrowError;

use crate::error::CaptureError;
use crate::ipsec::{Given, Keyring};
use crate::limits::Limits;
use crate::observation::Clock;
use crate::sip::headers::Asked;
use crate::tables::Wanted;
use crate::tls::Keys;

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub limits: Limits,
    /// Parser threads; 0 = one for each processor.
    pub threads: usize,
    /// Columns of `messages` and of `descriptions` that are made; what is not asked for costs neither time nor memory.
    pub wanted: Wanted,
    /// Link types to be read as others: what a file calls USER0 (147) is what the user says it is.
    pub link_types: Vec<(u16, u16)>,
    /// What the clocks of capture points are off by, to be taken off the times of messages.
    pub clocks: Vec<Clock>,
    /// Names of header fields that have rows of their own.
    pub headers: Asked,
    /// Key logs of TLS, and private keys of servers (PEM).
    pub keys: Vec<PathBuf>,
    /// Keys of ESP.
    pub esp_keys: Vec<Given>,
    /// SRTP is opened with the keys that session descriptions announce.
    pub srtp_keys: bool,
    /// The bytes of messages are kept, where captures are read in windows.
    pub texts: bool,
    /// What tells messages from their copies is given out, where captures are read in windows.
    pub observed: bool,
}

impl Options {
    /// The keys that are known before reading.
    pub fn keyring(&self) -> Keyring {
        Keyring::new(&self.esp_keys, self.limits.max_security_associations)
    }

    /// Parser threads.
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// What a reading can open.
#[derive(Default)]
pub struct Secrets {
    pub tls: Keys,
    pub ipsec: Keyring,
}

/// Shared with whoever waits for the scan.
#[derive(Debug, Default)]
pub struct Progress {
    pub bytes_done: AtomicU64,
    pub messages: AtomicU64,
    /// Set to have the scan stop; its result is then of no use.
    pub cancel: AtomicBool,
}

/// Why there are no tables.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("the core made a table that Arrow refuses: {0}")]
    Arrow(#[from] ArrowError),
    #[error("cancelled")]
    Cancelled,
    #[error("the system gives no thread to read with: {0}")]
    Thread(io::Error),
    /// An export could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}
