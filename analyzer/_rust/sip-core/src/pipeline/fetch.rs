//! The verbatim bytes of messages, read again.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;

use super::options::{Options, Progress, ScanError};
use super::points;
use super::reader::read;
use super::secrets;
use super::source::Source;
use crate::observation::{Batch, Entry};

/// Where a message lies, as its row says: file, frame, byte_offset, length.
pub type Place = (String, u64, u64, u64);

/// The verbatim bytes of messages, in the order asked; `None` for a place where no message is. Reads the sources again,
/// for a message may lie in many packets of several files.
pub fn fetch(sources: &[Source], options: &Options, wanted: &[Place]) -> Result<Vec<Option<Vec<u8>>>, ScanError> {
    let order = points::in_time_order(sources, &options.limits);
    let file = |name: &str| order.iter().position(|source| source.name == name).unwrap_or(usize::MAX) as u32;
    let mut places: HashMap<(u32, u64, u64), Vec<(usize, u64)>> = HashMap::new();
    for (index, (name, frame, offset, length)) in wanted.iter().enumerate() {
        places.entry((file(name), *frame, *offset)).or_default().push((index, *length));
    }
    let found: Mutex<Vec<Option<Vec<u8>>>> = Mutex::new(vec![None; wanted.len()]);
    let (keys, _) = secrets::given(sources, options)?;
    secrets::until_opened(keys, |keys| {
        let (finished, _) = read(sources, options, &Progress::default(), None, keys, || {
            |_: usize, batch: &Batch| {
                for Entry { seen, bytes, .. } in batch.messages() {
                    let Some(asked) = places.get(&(seen.last.file, seen.last.frame, seen.first.offset)) else {
                        continue;
                    };
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    for &(index, length) in asked {
                        // Bytes behind the message, which its row does not count, came along.
                        if let Some(message) = bytes.get(..length as usize) {
                            found[index] = Some(message.to_vec());
                        }
                    }
                }
            }
        })?;
        Ok((finished.late, ()))
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}
