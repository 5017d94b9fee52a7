//! Capture points: which files and hosts share flow and fragment state.
//!
//! Files that follow each other in time are one rotated capture, files that overlap in time were taken at different
//! points, and so were the hosts of one pcapng; the user's word goes before all of that.

use std::cmp::Ordering;

use hashbrown::HashMap;

use super::collector::Framers;
use super::source::{Source, open};
use crate::container;
use crate::limits::Limits;
use crate::net::Decoder;
use crate::packet::NO_TIME;
use crate::problem::Problem;

/// A rotated capture's next file may begin this much before the last one ends (ns): packets of several queues or
/// processors are written slightly out of order.
const ROTATION_SLACK: i64 = 1_000_000_000;

/// The sources in the order of their first packet; those without one keep their place at the end. Equal times (and
/// unreadable files) go by name, so that the order given on the command line never matters.
pub fn in_time_order(sources: &[Source], limits: &Limits) -> Vec<Source> {
    if sources.len() < 2 {
        return sources.to_vec();
    }
    dated(sources, limits).into_iter().map(|(_, source)| source).collect()
}

/// The same, each with the time of its first packet (ns), `i64::MAX` where there is none.
pub fn dated(sources: &[Source], limits: &Limits) -> Vec<(i64, Source)> {
    let mut dated: Vec<(i64, &Source)> = sources
        .iter()
        .map(|source| {
            let first = open(source).ok().and_then(|bytes| container::open(bytes, &source.name, 0, limits).ok());
            let first = first.and_then(|mut capture| {
                let mut ignored: Vec<Problem> = Vec::new();
                capture.next(&mut ignored).and_then(|packet| packet.time)
            });
            (first.unwrap_or(i64::MAX), source)
        })
        .collect();
    dated.sort_by(|(time, source), (other_time, other)| {
        time.cmp(other_time).then_with(|| natural(&source.name, &other.name))
    });
    dated.into_iter().map(|(time, source)| (time, source.clone())).collect()
}

/// Names with numbers in them in the order people expect: `part2` before `part10`.
fn natural(a: &str, b: &str) -> Ordering {
    let parts = |name: &str| -> Vec<(String, u64)> {
        let mut parts = Vec::new();
        let mut rest = name;
        while !rest.is_empty() {
            let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (head, tail) = rest.split_at(text);
            let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            let (number, tail) = tail.split_at(digits);
            parts.push((head.to_owned(), number.parse().unwrap_or(u64::MAX)));
            rest = tail;
        }
        parts
    };
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

struct Point {
    name: Option<String>,
    decoder: Decoder,
    framers: Framers,
    last_file: String,
    /// Of the file read last.
    first_time: i64,
    /// Of all its files.
    last_time: i64,
    open: bool,
}

/// What is known of a capture point when reading goes on another time: its name as given, the last file, the time of the
/// first packet of that and of the last of all.
pub type KnownPoint = (Option<String>, String, i64, i64);

/// All capture points of a scan.
pub struct Points {
    limits: Limits,
    link_types: Vec<(u16, u16)>,
    points: Vec<Point>,
    /// Of the file being read: its source, and the point of each of its hosts.
    source: Option<Source>,
    hosts: HashMap<u32, usize>,
}

impl Points {
    pub fn new(limits: &Limits, link_types: &[(u16, u16)]) -> Self {
        let (limits, link_types) = (limits.clone(), link_types.to_vec());
        Self { limits, link_types, points: Vec::new(), source: None, hosts: HashMap::new() }
    }

    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// The points as they are, for [`Points::restore`].
    pub fn known(&self) -> Vec<KnownPoint> {
        let known = |point: &Point| (point.name.clone(), point.last_file.clone(), point.first_time, point.last_time);
        self.points.iter().map(known).collect()
    }

    pub fn restore(&mut self, known: Vec<KnownPoint>) {
        for (name, last_file, first_time, last_time) in known {
            let decoder = Decoder::new(&self.limits).with_link_types(&self.link_types);
            let framers = Framers::default();
            self.points.push(Point { name, decoder, framers, last_file, first_time, last_time, open: false });
        }
    }

    /// The point of each host of the file being read.
    pub fn hosts(&self) -> Vec<(u32, usize)> {
        let mut hosts: Vec<(u32, usize)> = self.hosts.iter().map(|(&host, &point)| (host, point)).collect();
        hosts.sort_unstable();
        hosts
    }

    pub fn open_file(&mut self, source: &Source) {
        self.source = Some(source.clone());
    }

    /// The point of a host of the file being read, whose first packet has this time.
    pub fn of_host(&mut self, host: u32, time: Option<i64>) -> usize {
        if let Some(&point) = self.hosts.get(&host) {
            return point;
        }
        let source = self.source.as_ref();
        let given = source.and_then(|source| source.point.clone());
        let file = source.map(|source| source.name.clone()).unwrap_or_default();
        let time = time.unwrap_or(NO_TIME);
        let read_before = source.and_then(|source| source.read_before.as_ref());
        let known = read_before.and_then(|known| known.hosts.iter().find(|(known, _)| *known == host));
        let known = known.map(|&(_, point)| point).filter(|&point| point < self.points.len());
        let found = match &given {
            _ if known.is_some() => known,
            Some(name) => self.points.iter().position(|point| point.name.as_ref() == Some(name)),
            None => self.rotated(&file, time),
        };
        let index = found.unwrap_or_else(|| {
            self.points.push(Point {
                name: given,
                decoder: Decoder::new(&self.limits).with_link_types(&self.link_types),
                framers: Framers::default(),
                last_file: String::new(),
                first_time: time,
                last_time: time,
                open: false,
            });
            self.points.len() - 1
        });
        if let Some(point) = self.points.get_mut(index) {
            if !point.open {
                point.first_time = time;
            }
            point.open = true;
            point.last_file = file;
        }
        self.hosts.insert(host, index);
        index
    }

    /// The point that a file of this name, beginning at this time, goes on with: the one whose file name is most like it,
    /// among those that had ended by then.
    fn rotated(&self, file: &str, time: i64) -> Option<usize> {
        let likeness = |point: &Point| point.last_file.bytes().zip(file.bytes()).take_while(|(a, b)| a == b).count();
        self.points
            .iter()
            .enumerate()
            .filter(|(_, point)| {
                let lasted = point.last_time.saturating_sub(point.first_time);
                // Two taps that ran for a short time together overlap by far more than half of it.
                let slack = ROTATION_SLACK.min(lasted / 2);
                point.name.is_none() && !point.open && time >= point.last_time.saturating_sub(slack)
            })
            .max_by_key(|(_, point)| (likeness(point), point.last_time))
            .map(|(index, _)| index)
    }

    pub fn saw(&mut self, point: usize, time: Option<i64>) {
        if let (Some(point), Some(time)) = (self.points.get_mut(point), time) {
            point.last_time = point.last_time.max(time);
            if point.first_time == NO_TIME {
                point.first_time = time;
            }
        }
    }

    /// Ends the file being read; the names of its points.
    pub fn close_file(&mut self) -> String {
        let mut used: Vec<usize> = self.hosts.drain().map(|(_, point)| point).collect();
        used.sort_unstable();
        used.dedup();
        let names = self.names();
        for &index in &used {
            if let Some(point) = self.points.get_mut(index) {
                point.open = false;
            }
        }
        let names: Vec<&str> = used.iter().filter_map(|&index| names.get(index).map(String::as_str)).collect();
        names.join(" ")
    }

    /// The user's names; the others are numbered in the order in which their captures begin.
    pub fn names(&self) -> Vec<String> {
        let mut unnamed = 0;
        let mut name = |point: &Point| {
            point.name.clone().unwrap_or_else(|| {
                unnamed += 1;
                format!("point{unnamed}")
            })
        };
        self.points.iter().map(&mut name).collect()
    }

    pub fn at(&mut self, point: usize) -> (&mut Decoder, &mut Framers) {
        let point = &mut self.points[point];
        (&mut point.decoder, &mut point.framers)
    }
}

/// A host of a file that was read by itself: its number, and the times of its first and its last packet (ns).
pub type KnownHost = (u32, i64, i64);

/// The points of files that were each read by itself.
#[derive(Debug)]
pub struct Assigned {
    /// Of every file the point of each host.
    pub hosts: Vec<Vec<(u32, usize)>>,
    pub names: Vec<String>,
    /// As a window's state has them.
    pub known: Vec<KnownPoint>,
}

/// The points of files in the order in which they begin, each with its hosts in the order in which they appear; `known` are
/// those of files before.
pub fn assigned(files: &[(Source, Vec<KnownHost>)], known: Vec<KnownPoint>) -> Assigned {
    let mut points = Points::new(&Limits::default(), &[]);
    points.restore(known);
    let hosts = files.iter().map(|(source, hosts)| {
        points.open_file(source);
        for &(host, first, last) in hosts {
            let point = points.of_host(host, Some(first));
            points.saw(point, Some(first));
            points.saw(point, Some(last));
        }
        let found = points.hosts();
        points.close_file();
        found
    });
    let hosts = hosts.collect();
    Assigned { hosts, names: points.names(), known: points.known() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// The points of files of these names and times (first and last, s), in this order.
    fn points(files: &[(&str, i64, i64)]) -> Vec<usize> {
        let file = |&(name, first, last): &(&str, i64, i64)| {
            let source = Source { name: name.to_owned(), path: name.into(), ..Source::default() };
            (source, vec![(0, first * SECOND, last * SECOND)])
        };
        let found = assigned(&files.iter().map(file).collect::<Vec<_>>(), Vec::new());
        found.hosts.into_iter().flatten().map(|(_, point)| point).collect()
    }

    #[test]
    fn files_that_follow_each_other_are_one_point() {
        assert_eq!(points(&[("a1", 0, 10), ("a2", 10, 20), ("a3", 25, 30)]), [0, 0, 0]);
    }

    #[test]
    fn files_that_overlap_are_several_points() {
        assert_eq!(points(&[("a", 0, 10), ("b", 1, 11)]), [0, 1]);
    }

    #[test]
    fn two_rotated_captures_are_told_apart_by_their_names() {
        assert_eq!(points(&[("p1-1", 0, 10), ("p2-1", 0, 10), ("p1-2", 10, 20), ("p2-2", 10, 20)]), [0, 1, 0, 1]);
    }

    #[test]
    fn numbers_in_names_are_compared_as_numbers() {
        assert_eq!(natural("part2.pcap", "part10.pcap"), Ordering::Less);
    }
}
