//! Keys for a reading: those that were given, and those in the capture that came too late for it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};

use hashbrown::HashSet;

use super::options::{Options, ScanError, Secrets};
use super::reader::Finished;
use super::second;
use super::source::Source;
use crate::error::CaptureError;
use crate::layer::Layer;
use crate::net::{Datagram, Failure, Flow, Segment, Sink, StreamClass, StreamEnd, StreamId};
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};
use crate::tls::{ClientHello, Keys, Origin, Random, client_hello};

/// A key log larger than this (bytes) is read for the connections of the capture alone, which are looked up first: then the
/// memory depends on the capture, not on the log.
const LARGE: u64 = 32 << 20;
/// A ClientHello is not longer than this, nor is a private key.
const MOST_BYTES: usize = 64 << 10;

/// The keys that were given, and what is wrong with them.
///
/// # Errors
/// When a file of them cannot be read, or the captures cannot.
pub fn given(sources: &[Source], options: &Options) -> Result<(Secrets, Vec<Problem>), ScanError> {
    let (mut keys, mut problems) = (Keys::default(), Vec::new());
    let mut logs = Vec::new();
    for path in &options.keys {
        let name = path.display().to_string();
        let refuse = |error: std::io::Error| CaptureError { path: name.clone(), offset: 0, reason: error.to_string() };
        let mut file = BufReader::new(File::open(path).map_err(refuse)?);
        let is_pem = memchr::memmem::find(file.fill_buf().map_err(refuse)?, b"-----BEGIN ").is_some();
        if is_pem {
            let mut pem = String::new();
            file.take(MOST_BYTES as u64).read_to_string(&mut pem).map_err(refuse)?;
            if !keys.private_key(&pem) {
                problems.push(unusable(format!("{name}: no RSA private key in clear (PEM, PKCS#1 or PKCS#8)")));
            }
            continue;
        }
        let size = file.get_ref().metadata().map_or(0, |meta| meta.len());
        file.rewind().map_err(refuse)?;
        logs.push((name, file, size));
    }
    if logs.iter().any(|(_, _, size)| *size > LARGE) {
        let mut found = Randoms::default();
        second::read(sources, options, &mut found)?;
        keys.only(found.randoms);
    }
    for (name, file, _) in logs {
        let refuse = |error: std::io::Error| CaptureError { path: name.clone(), offset: 0, reason: error.to_string() };
        let read = keys.read(file, Origin::KeyLog).map_err(refuse)?;
        if read.keys == 0 || read.other > 0 {
            let (lines, other) = (read.keys, read.other);
            problems.push(unusable(format!("{name}: {lines} lines with keys, {other} that are not of a key log")));
        }
    }
    Ok((Secrets { tls: keys, ipsec: options.keyring() }, problems))
}

fn unusable(detail: String) -> Problem {
    Problem { code: Code::TlsKeyLogUnusable, layer: Layer::TLS, file: u32::MAX, frame: 0, offset: 0, detail }
}

/// Runs a reading with the keys that were given; once more where those in the capture came after what they open.
///
/// # Errors
/// Those of the reading, and where the sources cannot be read once more.
pub fn until_opened<R>(
    sources: &[Source],
    options: &Options,
    secrets: Secrets,
    mut read: impl FnMut(Secrets) -> Result<(Finished, R), ScanError>,
) -> Result<(Finished, R), ScanError> {
    let (mut finished, result) = read(secrets)?;
    match finished.more_secrets(sources, options)? {
        Some(secrets) => read(secrets),
        None => Ok((finished, result)),
    }
}

/// The connections of a capture, by the random of their ClientHello.
#[derive(Default)]
struct Randoms {
    randoms: HashSet<Random>,
    /// The beginnings of streams, up to their hello.
    begun: hashbrown::HashMap<(u16, StreamId), Vec<u8>>,
}

impl Problems for Randoms {
    /// The reading for SIP tells it.
    fn report(&mut self, _: Problem) {}
}

impl second::Reader for Randoms {
    type Sink<'a> = PointSink<'a>;

    fn at(&mut self, point: u16) -> PointSink<'_> {
        PointSink { point, found: self }
    }
}

struct PointSink<'a> {
    point: u16,
    found: &'a mut Randoms,
}

impl Problems for PointSink<'_> {
    fn report(&mut self, _: Problem) {}
}

const NOTHING: StreamClass = StreamClass::Other("");

impl Sink for PointSink<'_> {
    fn datagram(&mut self, _: Datagram<'_>) -> StreamClass {
        NOTHING
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        let key = (self.point, segment.stream);
        let (begun, bytes) = (self.found.begun.get_mut(&key), segment.bytes);
        if begun.is_none() && !matches!(bytes, [0x16, ..]) {
            return NOTHING;
        }
        let mut all = begun.map(std::mem::take).unwrap_or_default();
        all.extend_from_slice(bytes);
        match client_hello(&all) {
            Some(Some(ClientHello { random, .. })) => {
                self.found.randoms.insert(random);
                self.found.begun.remove(&key);
            }
            None if all.len() < MOST_BYTES => {
                self.found.begun.insert(key, all);
            }
            _ => {
                self.found.begun.remove(&key);
            }
        }
        NOTHING
    }

    fn gap(&mut self, _: StreamId, _: u64, _: Stamp) {}

    fn stream_end(&mut self, stream: StreamId, _: StreamEnd, _: Stamp) {
        self.found.begun.remove(&(self.point, stream));
    }

    fn failure(&mut self, _: Flow, _: Failure, _: Stamp) {}
}
