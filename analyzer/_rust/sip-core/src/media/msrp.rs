//! Messages of MSRP (RFC 4975), counted.

use std::sync::LazyLock;

use hashbrown::HashMap;
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use crate::net::Flow;
use crate::packet::{NO_TIME, Stamp};

/// Directions that are counted.
const MAX_SESSIONS: usize = 65_536;
const BEGINS: &[u8] = b"MSRP ";

static BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"MSRP "));

/// One direction of a connection.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Session {
    pub first: Stamp,
    pub last: Stamp,
    /// Requests SEND, which may be parts of a message (§5.1), and REPORT.
    pub sends: u64,
    pub reports: u64,
    /// Responses, and those of them that are no 200.
    pub responses: u64,
    pub failures: u64,
    pub bytes: u64,
}

/// Capture point, flow, and what went there.
pub type Told = (u16, Flow, Session);

fn in_order(mut found: Vec<Told>) -> Vec<Told> {
    found.sort_by_key(|(point, flow, it)| (it.first.time, it.first.frame, *point, flow.src_port));
    found
}

/// Sessions by capture point and flow.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<(u16, Flow), Session>);

impl Sessions {
    /// Takes the next bytes of a connection; those of one that does not begin with MSRP are let alone.
    #[inline]
    pub fn segment(&mut self, point: u16, flow: Flow, bytes: &[u8], at: Stamp) {
        if bytes.starts_with(BEGINS) || (!self.0.is_empty() && self.0.contains_key(&(point, flow))) {
            self.count(point, flow, bytes, at);
        }
    }

    fn count(&mut self, point: u16, flow: Flow, bytes: &[u8], at: Stamp) {
        if self.0.len() >= MAX_SESSIONS && !self.0.contains_key(&(point, flow)) {
            return;
        }
        let begun = Session { first: at, last: at, sends: 0, reports: 0, responses: 0, failures: 0, bytes: 0 };
        let session = self.0.entry((point, flow)).or_insert(begun);
        session.last = at;
        session.bytes += bytes.len() as u64;
        for place in BEGIN.find_iter(bytes) {
            // A start line begins a line: transaction, then method or status (§9).
            if place > 0 && bytes.get(place - 1) != Some(&b'\n') {
                continue;
            }
            let line = bytes.get(place + BEGINS.len()..).unwrap_or_default().split(|byte| *byte == b'\r').next();
            let mut words = line.unwrap_or_default().split(|byte| *byte == b' ');
            match words.nth(1) {
                Some(b"SEND") => session.sends += 1,
                Some(b"REPORT") => session.reports += 1,
                Some(status) if status.len() == 3 && status.iter().all(u8::is_ascii_digit) => {
                    session.responses += 1;
                    session.failures += u64::from(status != b"200");
                }
                _ => {}
            }
        }
    }

    /// Those that were silent for `idle` ns at that time, which are forgotten.
    pub fn take_ended(&mut self, time: i64, idle: i64) -> Vec<Told> {
        let is_over = |it: &Session| it.last.time != NO_TIME && time.saturating_sub(it.last.time) >= idle;
        in_order(self.0.extract_if(|_, it| is_over(it)).map(|((point, flow), it)| (point, flow, it)).collect())
    }

    /// Those that go on.
    pub fn open(&self) -> Vec<Told> {
        in_order(self.0.iter().map(|(&(point, flow), &it)| (point, flow, it)).collect())
    }

    pub fn restore(&mut self, open: Vec<Told>) {
        self.0 = open.into_iter().map(|(point, flow, it)| ((point, flow), it)).collect();
    }

    pub fn finish(self) -> Vec<Told> {
        self.open()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::net::Protocol;

    #[test]
    fn messages_are_counted_by_their_start_lines() {
        let ip = Ipv4Addr::LOCALHOST.into();
        let flow = Flow { protocol: Protocol::Tcp, src: ip, dst: ip, src_port: 1, dst_port: 2 };
        let at = Stamp { time: 5, file: 0, frame: 1, offset: 0 };
        let mut sessions = Sessions::default();
        sessions.segment(0, flow, b"GET / HTTP/1.1\r\n", at);
        let two = b"MSRP a1 SEND\r\nTo-Path: x\r\n\r\nMSRP is fun\r\n-------a1$\r\nMSRP a2 200 OK\r\n-------a2$\r\n";
        sessions.segment(0, flow, two, at);
        sessions.segment(0, flow, b"MSRP a3 481 Gone\r\n-------a3$\r\nMSRP a4 REPORT\r\n", at);
        let found = sessions.finish();
        let [(_, _, it)] = found[..] else { panic!("{found:?}") };
        assert_eq!((it.sends, it.reports, it.responses, it.failures), (1, 1, 2, 1));
    }
}
