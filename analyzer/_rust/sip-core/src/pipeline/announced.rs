//! A reading before the one for media: the keys of SRTP that session descriptions announce.

use std::sync::Arc;

use super::collector::Also;
use super::options::{Options, Progress, ScanError};
use super::reader::{Consumer, read};
use super::secrets;
use super::source::Source;
use crate::media::srtp::Keys;
use crate::observation::{Batch, Entry};

impl Consumer for Keys {
    fn take(&mut self, _: usize, batch: &Batch) {
        for Entry { seen, bytes, .. } in batch.messages() {
            self.message(bytes, seen.first.time);
        }
    }
}

/// All keys of the sources.
///
/// # Errors
/// When no source can be read.
pub fn keys(sources: &[Source], options: &Options) -> Result<Arc<Keys>, ScanError> {
    let (secrets, _) = secrets::given(sources, options)?;
    let (_, found) = secrets::until_opened(sources, options, secrets, |secrets| {
        read(sources, options, &Progress::default(), secrets, Also::default(), Keys::default)
    })?;
    let mut all = Keys::default();
    found.into_iter().for_each(|it| all.append(it));
    Ok(Arc::new(all.finish()))
}
