//! The pipeline: files in order of time, packets to payloads to messages, and the tables at its end.
//!
//! One thread reads and decodes; it hands [`Batch`](crate::observation::Batch)es of messages to parser threads, which give
//! back columns. What is cut into a batch depends on the capture alone, and the results are put back in its order, so the
//! tables are the same whatever the number of threads.

mod agreements;
mod announced;
mod collector;
pub mod companion;
mod compose;
mod compressed;
mod connections;
mod decompress;
mod export;
mod fetch;
mod ground;
pub mod media_heads;
mod options;
mod payloads;
mod points;
mod reader;
mod scan;
mod second;
mod secrets;
mod secure;
mod source;
mod stream;
mod trace;
mod vectors;
pub mod windows;

pub use compose::{Failed, Message, Parts, compose};
pub use export::export;
pub use fetch::{Place, fetch};
pub use options::{Options, Progress, ScanError};
pub use payloads::payloads;
pub use points::{Assigned, KnownHost, KnownPoint, assigned};
pub use scan::{Scan, scan};
pub use source::{ReadBefore, Source};
pub use trace::Media;
