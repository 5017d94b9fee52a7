//! A second reading, for media: RTP and RTCP over UDP, in whatever SIP is read in.
//!
//! Like that of [`super::companion`] it costs nothing until somebody looks at these tables.

use super::options::{Options, ScanError};
use super::second;
use super::source::Source;
use crate::ipsec::Keyring;
use crate::media::Streams;
use crate::net::{Datagram, Failure, Flow, Protocol, Segment, Sink, StreamClass, StreamEnd, StreamId};
use crate::observation::Clock;
use crate::packet::Stamp;
use crate::problem::{Problem, Problems};
use crate::tables::media::{self as tables, Tables};

/// Reads all sources once more.
///
/// # Errors
/// When not one of them can be read.
pub fn read(sources: &[Source], options: &Options) -> Result<Tables, ScanError> {
    let keyring = options.keyring();
    let mut found = Found { keyring, clocks: &options.clocks, streams: Streams::new(options.limits.max_streams) };
    let (files, points) = second::read(sources, options, &mut found)?;
    let refused = found.streams.refused;
    let (streams, reports) = found.streams.finish();
    Ok(tables::tables(&streams, &reports, refused, &files, &points)?)
}

struct Found<'a> {
    keyring: Keyring,
    clocks: &'a [Clock],
    streams: Streams,
}

impl Problems for Found<'_> {
    /// The reading for SIP has told it.
    fn report(&mut self, _: Problem) {}
}

impl<'scan> second::Reader for Found<'scan> {
    type Sink<'a>
        = PointSink<'a, 'scan>
    where
        Self: 'a;

    fn at(&mut self, point: u16) -> PointSink<'_, 'scan> {
        PointSink { point, found: self }
    }
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

    fn keyring(&self) -> Option<&Keyring> {
        Some(&self.found.keyring)
    }
}
