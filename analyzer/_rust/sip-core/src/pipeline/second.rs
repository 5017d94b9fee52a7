//! A second reading of the same captures, for what is beside SIP. What is wrong with their packets the first one has told.

use super::options::{Options, ScanError};
use super::points::{self, Points};
use super::source::{Source, open};
use crate::container;
use crate::error::CaptureError;
use crate::net::Sink;
use crate::observation::PointNames;
use crate::problem::Problems;
use crate::tables::small::FileRow;

/// Packets after which [`Reader::keep_up`] is called.
const MANY: u64 = 4_096;

/// What a second reading looks for.
pub trait Reader: Problems {
    type Sink<'a>: Sink
    where
        Self: 'a;

    /// Takes what the decoder of this capture point finds.
    fn at(&mut self, point: u16) -> Self::Sink<'_>;

    /// Time to put away what has come together.
    ///
    /// # Errors
    /// When a table cannot be made of it.
    fn keep_up(&mut self) -> Result<(), ScanError> {
        Ok(())
    }
}

/// Reads all sources; gives their names, and those of the capture points.
///
/// # Errors
/// When not one of them can be read.
pub fn read(
    sources: &[Source],
    options: &Options,
    reader: &mut impl Reader,
) -> Result<(Vec<FileRow>, PointNames), ScanError> {
    let sources = points::in_time_order(sources, &options.limits);
    let mut points = Points::new(&options.limits, &options.link_types);
    let mut files = Vec::with_capacity(sources.len());
    let mut refused: Option<CaptureError> = None;
    let mut any = false;
    for (number, source) in sources.iter().enumerate() {
        files.push(FileRow { name: source.name.clone(), ..FileRow::default() });
        match file(number as u32, source, options, &mut points, reader) {
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
        decoder.finish(&mut reader.at(point as u16));
    }
    Ok((files, PointNames { files: points.names(), agents: Vec::new() }))
}

fn file(
    number: u32,
    source: &Source,
    options: &Options,
    points: &mut Points,
    reader: &mut impl Reader,
) -> Result<(), ScanError> {
    let mut capture = container::open(open(source)?, &source.name, number, &options.limits)?;
    points.open_file(source);
    let (mut host, mut point) = (None, 0);
    while let Some(packet) = capture.next(reader) {
        if host != Some(packet.host) {
            host = Some(packet.host);
            point = points.of_host(packet.host, packet.time);
        }
        let (decoder, _) = points.at(point);
        decoder.packet(number, &packet, &mut reader.at(point as u16));
        points.saw(point, packet.time);
        if packet.frame % MANY == 0 {
            reader.keep_up()?;
        }
    }
    points.close_file();
    Ok(())
}
