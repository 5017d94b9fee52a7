//! The table `messages`: one row for each message of a batch, and what the whole scan says of it.

mod assemble;
mod chunk;
mod columns;
mod keys;
mod parser;
mod window;

pub use assemble::{Assembled, assemble};
pub use chunk::{Chunk, Part};
pub use columns::{Columns, ScanColumns};
pub use parser::Parser;
pub use window::{Waiting, Window, observations};
