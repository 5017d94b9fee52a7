//! TLS connections of a capture point, by their streams.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::stream::Stream;
use crate::net::{Flow, Protocol, StreamId};
use crate::packet::Stamp;
use crate::tables::tls::Row;
use crate::tls::{Connection, Trouble};

type Ends = [(IpAddr, u16); 2];

/// So many packets of a connection an export copies.
const MOST_PACKETS: usize = 1 << 20;

/// One connection, and the two streams in it.
pub struct Secured {
    pub connection: Connection,
    /// What the records of each side hold, once there is something.
    pub inner: [Option<Box<Stream>>; 2],
    /// In the direction of side 0.
    pub flow: Flow,
    streams: [Option<StreamId>; 2],
    open: u8,
    pub first: Stamp,
    pub last: Stamp,
    pub trouble: Option<Trouble>,
    /// Those that brought it so far, for an export: without the records before, none can be opened.
    pub packets: Vec<Stamp>,
}

impl Secured {
    /// What a side sends.
    pub fn flow(&self, side: usize) -> Flow {
        let Flow { src, dst, src_port, dst_port, .. } = self.flow;
        if side == 0 {
            self.flow
        } else {
            Flow { src: dst, dst: src, src_port: dst_port, dst_port: src_port, ..self.flow }
        }
    }

    pub fn keep_packet(&mut self, at: Stamp) {
        if self.packets.len() < MOST_PACKETS {
            self.packets.push(at);
        }
    }
}

/// The TLS connections of a capture point that are open.
#[derive(Default)]
pub struct Connections {
    by_number: HashMap<u64, Secured>,
    by_ends: HashMap<Ends, u64>,
    begun: u64,
}

fn ends(flow: &Flow) -> (Ends, usize) {
    let (source, target) = ((flow.src, flow.src_port), (flow.dst, flow.dst_port));
    if source <= target { ([source, target], 0) } else { ([target, source], 1) }
}

impl Connections {
    /// The connection that this stream is a direction of, and its side.
    pub fn attach(&mut self, stream: StreamId, flow: Flow, at: Stamp) -> (u64, usize) {
        let (ends, side) = ends(&flow);
        if let Some(&number) = self.by_ends.get(&ends)
            && let Some(known) = self.by_number.get_mut(&number)
            && known.streams[side].is_none()
        {
            known.streams[side] = Some(stream);
            known.open += 1;
            return (number, side);
        }
        self.begun += 1;
        let mut streams = [None; 2];
        streams[side] = Some(stream);
        let [low, high] = ends;
        let flow = Flow { protocol: Protocol::Tls, src: low.0, dst: high.0, src_port: low.1, dst_port: high.1 };
        let secured = Secured {
            connection: Connection::default(),
            inner: [None, None],
            flow,
            streams,
            open: 1,
            first: at,
            last: at,
            trouble: None,
            packets: Vec::new(),
        };
        self.by_number.insert(self.begun, secured);
        self.by_ends.insert(ends, self.begun);
        (self.begun, side)
    }

    pub fn get(&mut self, number: u64) -> Option<&mut Secured> {
        self.by_number.get_mut(&number)
    }

    /// A direction ended; gives the connection when it was the last.
    pub fn detach(&mut self, number: u64) -> Option<Secured> {
        let known = self.by_number.get_mut(&number)?;
        known.open = known.open.saturating_sub(1);
        if known.open > 0 {
            return None;
        }
        let (ends, _) = ends(&known.flow);
        if self.by_ends.get(&ends) == Some(&number) {
            self.by_ends.remove(&ends);
        }
        self.by_number.remove(&number)
    }
}

impl Secured {
    pub fn row(self, point: u16) -> Row {
        // Who began is the client; where the hello was not captured, the port of a server is the lower one.
        let client = self.connection.client();
        let client = client.unwrap_or_else(|| usize::from(self.flow.src_port < self.flow.dst_port));
        let facts = self.connection.facts.clone();
        Row {
            point,
            flow: self.flow(client),
            first: self.first,
            last: self.last,
            alert_from_client: facts.alert.is_some_and(|(_, side)| side == client),
            facts,
            messages: self.inner.iter().flatten().map(|inner| inner.messages).sum(),
            trouble: self.trouble,
        }
    }
}
