//! The packets of some messages, copied into a capture of their own.

use std::collections::BTreeMap;
use std::io::Write;

use hashbrown::{HashMap, HashSet};

use super::collector::Also;
use super::fetch::Place;
use super::options::{Options, Progress, ScanError};
use super::points;
use super::reader::read;
use super::secrets;
use super::source::{Source, open};
use super::trace::{Media, Trace};
use crate::container::{self, Writer};
use crate::net::Flow;
use crate::observation::Batch;
use crate::packet::Packet;
use crate::problem::Problem;

/// Writes the packets that messages came in as pcapng: every fragment and segment of them, what shows where their TCP
/// connections (`flows`) begin and end, the ICMP errors, resets and aborts that met them, and `media`. Returns how many.
///
/// Reads the sources twice: what a message came in is known when it is whole, and by then its first packet is gone.
///
/// # Errors
/// When no source can be read, or the output cannot be written.
pub fn export(
    sources: &[Source],
    options: &Options,
    wanted: &[Place],
    flows: &[Flow],
    media: &[Media],
    output: impl Write,
) -> Result<u64, ScanError> {
    let sources = points::in_time_order(sources, &options.limits);
    let numbers: HashMap<&str, u32> =
        sources.iter().enumerate().map(|(number, source)| (source.name.as_str(), number as u32)).collect();
    let place = |(name, frame, offset, _): &Place| Some((*numbers.get(name.as_str())?, *frame, *offset));
    let wanted: HashSet<(u32, u64, u64)> = wanted.iter().filter_map(place).collect();
    let (secrets, _) = secrets::given(&sources, options)?;
    let (finished, _) = secrets::until_opened(&sources, options, secrets, |secrets| {
        let also = Also { trace: Some(Trace::new(wanted.clone(), flows, media)), ..Also::default() };
        read(&sources, options, &Progress::default(), secrets, also, || |_: usize, _: &Batch| {})
    })?;

    // A capture point has flows and clocks of its own: it becomes a section of its own.
    let mut chosen: BTreeMap<(u16, u32), HashSet<u64>> = BTreeMap::new();
    for (point, (file, frame)) in finished.also.trace.map(Trace::finish).unwrap_or_default() {
        chosen.entry((point, file)).or_default().insert(frame);
    }
    let several = chosen.keys().any(|&(point, _)| chosen.keys().any(|&(other, _)| other != point));
    let ended = finished.files.iter().filter_map(|file| file.info.ended.max(file.info.last_time)).max();
    let mut writer = Writer::new(output, ended);
    for ((point, file), frames) in chosen {
        let Some(source) = sources.get(file as usize) else { continue };
        let host = finished.points.get(point).filter(|_| several);
        writer.section(host.unwrap_or_default())?;
        copy(source, options, &frames, &mut writer)?;
    }
    Ok(writer.finish()?)
}

/// Copies these frames of a file.
fn copy(
    source: &Source,
    options: &Options,
    frames: &HashSet<u64>,
    writer: &mut Writer<impl Write>,
) -> Result<(), ScanError> {
    let mut capture = container::open(open(source)?, &source.name, 0, &options.limits)?;
    // They were reported when the capture was read.
    let mut known: Vec<Problem> = Vec::new();
    let mut data = Vec::new();
    let mut left = frames.len();
    while left > 0
        && let Some(packet) = capture.next(&mut known)
    {
        if !frames.contains(&packet.frame) {
            continue;
        }
        left -= 1;
        data.clear();
        data.extend_from_slice(packet.data);
        let packet = Packet { data: &data, ..packet };
        let name = capture.info().interfaces.get(packet.interface as usize).and_then(Option::as_deref);
        writer.packet(&packet, name.unwrap_or_default())?;
    }
    Ok(())
}
