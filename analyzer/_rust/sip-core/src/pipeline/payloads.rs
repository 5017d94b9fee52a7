//! The payloads of some streams of media, read again.

use std::sync::Arc;

use super::announced;
use super::collector::Also;
use super::options::{Options, Progress, ScanError};
use super::reader::read;
use super::secrets;
use super::source::Source;
use crate::media::{Payload, Streams};
use crate::net::Flow;
use crate::observation::Batch;

/// Of each stream, by flow and source, its packets in the order in which they came.
///
/// # Errors
/// When no source can be read.
pub fn payloads(sources: &[Source], options: &Options, wanted: &[(Flow, u32)]) -> Result<Vec<Vec<Payload>>, ScanError> {
    let (secrets, _) = secrets::given(sources, options)?;
    let srtp = options.srtp_keys.then(|| announced::keys(sources, options)).transpose()?;
    let (finished, _) = secrets::until_opened(sources, options, secrets, |secrets| {
        let streams = Streams::keeping(&options.limits, wanted);
        let media = Some(match &srtp {
            Some(keys) => streams.with_keys(Arc::clone(keys)),
            None => streams,
        });
        let also = Also { media, ..Also::default() };
        read(sources, options, &Progress::default(), secrets, also, || |_: usize, _: &Batch| {})
    })?;
    Ok(finished.also.media.map(|streams| streams.finish().payloads).unwrap_or_default())
}
