//! Where the reader puts what it finds: messages into batches, the rest into lists.

use crossbeam_channel::{Receiver, Sender};
use hashbrown::HashMap;

use super::batch::{Batch, Slot};
use crate::hash::Keyed;
use crate::limits::Limits;
use crate::net::{Failure, Flow, Segment, Sink, StreamEnd, StreamId, Unit, Verdict};
use crate::packet::Stamp;
use crate::problem::{Problem, Problems};
use crate::sip::{Carrier, Detected, Flaws, StreamFramer, detect};
use crate::tables::small::ProblemLog;

/// One for the whole scan, whatever the capture point.
pub struct Outlet {
    pub problems: ProblemLog,
    pub failures: Vec<(Flow, Failure, Stamp)>,
    limits: Limits,
    batch: Batch,
    sent: usize,
    send: Sender<(usize, Batch)>,
    recycled: Receiver<Batch>,
}

impl Outlet {
    pub fn new(limits: &Limits, send: Sender<(usize, Batch)>, recycled: Receiver<Batch>) -> Self {
        Self {
            problems: ProblemLog::new(limits.max_problems_per_code),
            failures: Vec::new(),
            limits: limits.clone(),
            batch: Batch::default(),
            sent: 0,
            send,
            recycled,
        }
    }

    /// Hands over what is in the batch.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = self.recycled.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        // The parsers outlive the reader; sending can only fail if all of them panicked, which ends the scan anyhow.
        self.send.send((self.sent, full)).ok();
        self.sent += 1;
    }

    fn push(&mut self, bytes: &[u8], slot: Slot) {
        self.batch.push(bytes, slot);
        if self.batch.is_full() {
            self.flush();
        }
    }
}

/// Framers of the streams of one capture point.
pub type Framers = HashMap<StreamId, (Flow, StreamFramer), Keyed>;

/// The sink of one capture point's decoder.
pub struct PointSink<'a> {
    pub point: u16,
    pub framers: &'a mut Framers,
    pub out: &'a mut Outlet,
}

impl Problems for PointSink<'_> {
    fn report(&mut self, problem: Problem) {
        self.out.problems.report(problem);
    }
}

impl Sink for PointSink<'_> {
    fn unit(&mut self, unit: Unit<'_>) -> Verdict {
        match detect(unit.bytes) {
            Detected::Sip { offset, flaws } => {
                let bytes = unit.bytes.get(offset..).unwrap_or_default();
                let first = Stamp { offset: unit.first.offset + offset as u64, ..unit.first };
                self.out.push(
                    bytes,
                    Slot {
                        start: 0,
                        length: 0,
                        flow: unit.flow,
                        first,
                        last: unit.last,
                        ident: unit.ident,
                        point: self.point,
                        carrier: Carrier::Datagram { missing: unit.missing },
                        complete: unit.missing == 0,
                        flaws,
                    },
                );
                Verdict::Sip
            }
            Detected::KeepAlive => Verdict::KeepAlive,
            Detected::Other(name) => Verdict::Other(name),
        }
    }
}
