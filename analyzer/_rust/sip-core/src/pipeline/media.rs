//! A second reading, for media: RTP and RTCP over UDP, in whatever SIP is read in.
//!
//! Like that of [`super::companion`] it costs nothing until somebody looks at these tables.

use super::options::{Options, ScanError};
use super::points::{self, Points};
use super::source::{Source, open};
use crate::container;
use crate::error::CaptureError;
use crate::media::Streams;
use crate::net::{Datagram, Failure, Flow, Protocol, Segment, Sink, StreamClass, StreamEnd, StreamId};
use crate::observation::{Clock, PointNames};
use crate::packet::Stamp;
use crate::problem::{Problem, Problems};
use crate::tables::media::{self as tables, Tables};

/// Reads all sources once more.
///
/// # Errors
/// When not one of them can be read. What is wrong with their packets the reading for SIP has told.
pub fn read(sources: &[Source], options: &Options) -> Result<Tables, ScanError> {
    let sources = points::in_time_order(sources, &options.limits);
    let mut points = Points::new(&options.limits, &options.link_types);
    let mut found = Found { clocks: &options.clocks, streams: Streams::new(options.limits.max_streams) };
    let mut files = Vec::with_capacity(sources.len());
    let mut refused: Option<CaptureError> = None;
    let mut any = false;
    for (number, source) in sources.iter().enumerate() {
        files.push(source.name.clone());
        match read_file(number as u32, source, options, &mut points, &mut found) {
            Ok(()) => any = true,
            Err(ScanError::Capture(error)) => {
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = refused.filter(|_| !any) {
        return Err(error.into());
    }
    for point in 0..points.len() {
        let (decoder, _) = points.at(point);
        decoder.finish(&mut PointSink { point: point as u16, found: &mut found });
    }
    let names = PointNames { files: points.names(), agents: Vec::new() };
    let refused = found.streams.refused;
    let (streams, reports) = found.streams.finish();
    Ok(tables::tables(&streams, &reports, refused, &files, &names)?)
}

fn read_file(
    number: u32,
    source: &Source,
    options: &Options,
    points: &mut Points,
    found: &mut Found<'_>,
) -> Result<(), ScanError> {
    let mut capture = container::open(open(source)?, &source.name, number, &options.limits)?;
    points.open_file(source);
    let (mut host, mut point) = (None, 0);
    while let Some(packet) = capture.next(found) {
        if host != Some(packet.host) {
            host = Some(packet.host);
            point = points.of_host(packet.host, packet.time);
        }
        let (decoder, _) = points.at(point);
        decoder.packet(number, &packet, &mut PointSink { point: point as u16, found });
        points.saw(point, packet.time);
    }
    points.close_file();
    Ok(())
}

struct Found<'a> {
    clocks: &'a [Clock],
    streams: Streams,
}

impl Problems for Found<'_> {
    /// The reading for SIP has told it.
    fn report(&mut self, _: Problem) {}
}

/// The sink of one capture point's decoder.
struct PointSink<'a, 'scan> {
    point: u16,
    found: &'a mut Found<'scan>,
}

impl Problems for PointSink<'_, '_> {
    fn report(&mut self, _: Problem) {}
}

const NOTHING: StreamClass = StreamClass::Other("");

impl Sink for PointSink<'_, '_> {
    #[inline]
    fn datagram(&mut self, it: Datagram<'_>) -> StreamClass {
        // What agents report has their times, not those of the wire.
        if it.flow.protocol == Protocol::Udp && it.report.is_none() {
            let mut at = it.last;
            at.time = Clock::corrected_at(self.found.clocks, self.point, at.time);
            self.found.streams.datagram(self.point, it.flow, at, (it.bytes, it.missing));
        }
        NOTHING
    }

    fn segment(&mut self, _: Segment<'_>) -> StreamClass {
        NOTHING
    }

    fn gap(&mut self, _: StreamId, _: u64, _: Stamp) {}

    fn stream_end(&mut self, _: StreamId, _: StreamEnd, _: Stamp) {}

    fn failure(&mut self, _: Flow, _: Failure, _: Stamp) {}
}
