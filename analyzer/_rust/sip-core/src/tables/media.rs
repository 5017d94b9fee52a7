//! The tables of media: streams, their intervals, telephone events, and what RTCP reports.

use std::net::IpAddr;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use super::columns::{Wanted, columns, key, record_batch};
use super::small::FileRow;
use crate::hash;
use crate::layer::Layer;
use crate::media::{Carriage, Ended, Event, Form, Found, Interval, Place, Reported, Session, Streams};
use crate::net::Flow;
use crate::observation::{PointNames, route};
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};

/// What a reading for media finds.
#[derive(Debug)]
pub struct Tables {
    pub streams: RecordBatch,
    pub intervals: RecordBatch,
    pub events: RecordBatch,
    pub reports: RecordBatch,
    pub sessions: RecordBatch,
}

columns! {
    struct StreamColumns of |it: &StreamRow<'_>| {
        stream: Int = "stream" => Some(it.key),
        point: Text = "point" => it.point,
        file: Text = "file" => it.file,
        frame: Int = "frame" => Some(it.of.stream.first.frame as i64),
        src_ip: Text = "src_ip" => Some(it.src),
        src_port: Int = "src_port" => Some(it.of.key.flow.src_port),
        dst_ip: Text = "dst_ip" => Some(it.dst),
        dst_port: Int = "dst_port" => Some(it.of.key.flow.dst_port),
        carried_by: Text = "carried_by" => Some(it.carried_by()),
        relayed_src_ip: Text = "relayed_src_ip" => it.relayed[0].as_ref().map(|place| place.0.as_str()),
        relayed_src_port: Int = "relayed_src_port" => it.relayed[0].as_ref().map(|place| place.1),
        relayed_dst_ip: Text = "relayed_dst_ip" => it.relayed[1].as_ref().map(|place| place.0.as_str()),
        relayed_dst_port: Int = "relayed_dst_port" => it.relayed[1].as_ref().map(|place| place.1),
        dscp: Int = "dscp" => it.of.stream.dscp,
        dscp_changes: Int = "dscp_changes" => Some(it.of.stream.dscp_changes as i64),
        ssrc: Int = "ssrc" => (!it.is_fax()).then_some(it.of.key.source),
        payload_type: Int = "payload_type" => it.types.first().map(|it| it.0),
        payload_types: Text = "payload_types" => Some(it.types_text(|it| it.0.to_string())),
        type_counts: Text = "type_counts" => Some(it.types_text(|it| it.1.to_string())),
        clock: Int = "clock" => it.of.stream.clock().filter(|_| !it.is_fax()),
        first_at: Time = "first_at" => it.of.stream.first.time,
        last_at: Time = "last_at" => it.of.stream.last.time,
        restarted: Bool = "restarted" => it.of.stream.restarted,
        packets: Int = "packets" => Some(it.of.stream.packets as i64),
        expected: Int = "expected" => Some(it.of.stream.sequence.expected() as i64),
        received: Int = "received" => Some(it.of.stream.sequence.received() as i64),
        doubled: Int = "doubled" => Some(it.of.stream.doubled as i64),
        reordered: Int = "reordered" => Some(it.of.stream.reordered as i64),
        late: Int = "late" => (!it.is_fax()).then_some(it.of.stream.jitter.late() as i64),
        comfort_noise: Int = "comfort_noise" => Some(it.of.stream.comfort_noise as i64),
        said_again: Int = "said_again" => it.is_fax().then_some(it.of.stream.again as i64),
        stray: Int = "stray" => Some(it.of.stream.stray as i64),
        sliced: Int = "sliced" => Some(it.of.stream.sliced as i64),
        bytes: Int = "bytes" => Some(it.of.stream.bytes as i64),
        markers: Int = "markers" => Some(it.of.stream.markers as i64),
        step: Int = "step" => it.of.stream.step(),
        jitter: Int = "jitter_ns" => it.of.stream.jitter.mean().map(|ns| ns as i64),
        jitter_p95: Int = "jitter_p95_ns" => it.of.stream.jitter.p95().map(|ns| ns as i64),
        jitter_max: Int = "jitter_max_ns" => it.of.stream.jitter.max().map(|ns| ns as i64),
        pauses: Int = "pauses" => Some(it.of.stream.pauses as i64),
        silence: Int = "silence_ns" => Some(it.of.stream.silence),
        silence_at: Time = "silence_at" => it.of.stream.silent_from,
        longest_loss: Int = "longest_loss" => Some(it.of.bursts.longest as i64),
        c11: Int = "c11" => Some(it.of.bursts.c11 as i64),
        c13: Int = "c13" => Some(it.of.bursts.c13 as i64),
        c14: Int = "c14" => Some(it.of.bursts.c14 as i64),
        c22: Int = "c22" => Some(it.of.bursts.c22 as i64),
        c23: Int = "c23" => Some(it.of.bursts.c23 as i64),
        c33: Int = "c33" => Some(it.of.bursts.c33 as i64),
        amr_form: Text = "amr_form" => it.amr[0].0,
        amr_fits: Int = "amr_fits" => Some(it.amr[0].1.fits),
        amr_modes: Int = "amr_modes" => Some(it.amr[0].1.modes),
        amr_requests: Int = "amr_requests" => Some(it.amr[0].1.requests),
        amr_changes: Int = "amr_changes" => Some(it.amr[0].1.changes),
        amr_silence: Int = "amr_silence" => Some(it.amr[0].1.silence),
        amr_wb_form: Text = "amr_wb_form" => it.amr[1].0,
        amr_wb_fits: Int = "amr_wb_fits" => Some(it.amr[1].1.fits),
        amr_wb_modes: Int = "amr_wb_modes" => Some(it.amr[1].1.modes),
        amr_wb_requests: Int = "amr_wb_requests" => Some(it.amr[1].1.requests),
        amr_wb_changes: Int = "amr_wb_changes" => Some(it.amr[1].1.changes),
        amr_wb_silence: Int = "amr_wb_silence" => Some(it.amr[1].1.silence),
        evs_compact_fits: Int = "evs_compact_fits" => Some(it.of.stream.evs.compact.fits),
        evs_compact_modes: Int = "evs_compact_modes" => Some(it.of.stream.evs.compact.modes),
        evs_compact_requests: Int = "evs_compact_requests" => Some(it.of.stream.evs.compact.requests),
        evs_compact_changes: Int = "evs_compact_changes" => Some(it.of.stream.evs.compact.changes),
        evs_compact_silence: Int = "evs_compact_silence" => Some(it.of.stream.evs.compact.silence),
        evs_header_full_fits: Int = "evs_header_full_fits" => Some(it.of.stream.evs.header_full.fits),
        evs_header_full_modes: Int = "evs_header_full_modes" => Some(it.of.stream.evs.header_full.modes),
        evs_header_full_requests: Int = "evs_header_full_requests" => Some(it.of.stream.evs.header_full.requests),
        evs_header_full_changes: Int = "evs_header_full_changes" => Some(it.of.stream.evs.header_full.changes),
        evs_header_full_silence: Int = "evs_header_full_silence" => Some(it.of.stream.evs.header_full.silence),
        srtp: Text = "srtp" => it.of.protection.suite,
        authentic: Int = "authentic" => it.is_tried().then_some(it.of.protection.authentic as i64),
        refused: Int = "refused" => it.is_tried().then_some(it.of.protection.refused as i64),
    }
}

columns! {
    struct SessionColumns of |it: &SessionRow<'_>| {
        point: Text = "point" => it.point,
        src_ip: Text = "src_ip" => Some(it.src),
        src_port: Int = "src_port" => Some(it.flow.src_port),
        dst_ip: Text = "dst_ip" => Some(it.dst),
        dst_port: Int = "dst_port" => Some(it.flow.dst_port),
        first_at: Time = "first_at" => it.of.first.time,
        last_at: Time = "last_at" => it.of.last.time,
        frame: Int = "frame" => Some(it.of.first.frame as i64),
        sends: Int = "sends" => Some(it.of.sends as i64),
        reports: Int = "reports" => Some(it.of.reports as i64),
        responses: Int = "responses" => Some(it.of.responses as i64),
        failures: Int = "failures" => Some(it.of.failures as i64),
        bytes: Int = "bytes" => Some(it.of.bytes as i64),
    }
}

columns! {
    struct IntervalColumns of |it: &(i64, Interval)| {
        stream: Int = "stream" => Some(it.0),
        begin: Time = "begin" => it.1.begin,
        packets: Int = "packets" => Some(it.1.packets as i64),
        received: Int = "received" => Some(it.1.received as i64),
        lost: Int = "lost" => Some(it.1.lost as i64),
        doubled: Int = "doubled" => Some(it.1.doubled as i64),
        reordered: Int = "reordered" => Some(it.1.reordered as i64),
        bytes: Int = "bytes" => Some(it.1.bytes as i64),
        jitter: Int = "jitter_ns" => it.1.jitter_mean().map(|ns| ns as i64),
        jitter_max: Int = "jitter_max_ns" => it.1.jitter_mean().map(|_| it.1.jitter_max as i64),
    }
}

columns! {
    struct EventColumns of |it: &(i64, Event)| {
        stream: Int = "stream" => Some(it.0),
        time: Time = "time" => it.1.first.time,
        last_at: Time = "last_at" => it.1.last,
        frame: Int = "frame" => Some(it.1.first.frame as i64),
        payload_type: Int = "payload_type" => Some(it.1.payload_type),
        event: Int = "event" => Some(it.1.event),
        volume: Int = "volume" => Some(it.1.volume),
        duration: Int = "duration" => Some(it.1.duration),
        ended: Bool = "ended" => it.1.ended,
        packets: Int = "packets" => Some(it.1.packets as i64),
    }
}

columns! {
    struct ReportColumns of |it: &ReportRow<'_>| {
        point: Text = "point" => it.point,
        src_ip: Text = "src_ip" => Some(it.src),
        src_port: Int = "src_port" => Some(it.of.flow.src_port),
        dst_ip: Text = "dst_ip" => Some(it.dst),
        dst_port: Int = "dst_port" => Some(it.of.flow.dst_port),
        reporter: Int = "reporter" => Some(it.of.reporter),
        ssrc: Int = "ssrc" => Some(it.of.source),
        first_at: Time = "first_at" => it.of.first,
        last_at: Time = "last_at" => it.of.last,
        reports: Int = "reports" => Some(it.of.reports as i64),
        fraction_sum: Int = "fraction_sum" => Some(it.of.fraction_sum as i64),
        fraction_max: Int = "fraction_max" => Some(it.of.fraction_max),
        cumulative: Int = "cumulative" => (it.of.reports > 0).then_some(it.of.cumulative),
        jitter_sum: Int = "jitter_sum" => Some(it.of.jitter_sum as i64),
        jitter_max: Int = "jitter_max" => Some(it.of.jitter_max),
        round_trip_sum: Int = "round_trip_sum_ns" => Some(it.of.round_trip_sum),
        round_trips: Int = "round_trips" => Some(it.of.round_trips as i64),
        r_factor: Int = "r_factor" => it.of.extended.and_then(|metrics| metrics.r_factor),
        mos_lq: Int = "mos_lq_tenths" => it.of.extended.and_then(|metrics| metrics.mos_lq),
        mos_cq: Int = "mos_cq_tenths" => it.of.extended.and_then(|metrics| metrics.mos_cq),
        discard_rate: Int = "discard_rate" => it.of.extended.map(|metrics| metrics.discard_rate),
        end_system_delay: Int = "end_system_delay_ms" => it.of.extended.map(|metrics| metrics.end_system_delay),
    }
}

struct StreamRow<'a> {
    key: i64,
    of: &'a Ended,
    point: Option<&'a str>,
    file: Option<&'a str>,
    src: &'a str,
    dst: &'a str,
    types: Vec<(u8, u64)>,
    relayed: [Option<(String, u16)>; 2],
    /// As AMR and as AMR-WB.
    amr: [(Option<&'static str>, Form); 2],
}

struct SessionRow<'a> {
    of: &'a Session,
    flow: &'a Flow,
    point: Option<&'a str>,
    src: &'a str,
    dst: &'a str,
}

impl StreamRow<'_> {
    fn is_fax(&self) -> bool {
        self.of.stream.carriage == Carriage::Fax
    }

    /// Keys were announced, and asked for.
    fn is_tried(&self) -> bool {
        self.of.protection.authentic + self.of.protection.refused > 0
    }

    fn carried_by(&self) -> &'static str {
        match self.of.stream.carriage {
            Carriage::Udp => "udp",
            Carriage::Tcp => "tcp",
            Carriage::Relay => "turn",
            Carriage::Fax => "udptl",
        }
    }

    fn types_text(&self, of: impl Fn(&(u8, u64)) -> String) -> String {
        let types: Vec<String> = self.types.iter().map(of).collect();
        types.join(" ")
    }
}

struct ReportRow<'a> {
    of: &'a Reported,
    point: Option<&'a str>,
    src: &'a str,
    dst: &'a str,
}

/// Names and types of the columns of each table.
pub fn columns() -> [(&'static str, Vec<(&'static str, &'static str)>); 5] {
    [
        ("rtp_streams", StreamColumns::COLUMNS.to_vec()),
        ("rtp_intervals", IntervalColumns::COLUMNS.to_vec()),
        ("rtp_events", EventColumns::COLUMNS.to_vec()),
        ("rtcp_reports", ReportColumns::COLUMNS.to_vec()),
        ("msrp_sessions", SessionColumns::COLUMNS.to_vec()),
    ]
}

/// The tables, the streams in the order in which they began.
pub fn tables(
    streams: Streams,
    problems: &mut impl Problems,
    files: &[FileRow],
    points: &PointNames,
) -> Result<Tables, ArrowError> {
    refused(streams.refused, problems);
    let found = streams.finish();
    for it in found.streams.iter().filter(|it| it.protection.refused > 0 && it.protection.authentic == 0) {
        let Stamp { file, frame, offset, .. } = it.stream.first;
        let detail = format!("{} packets of source {:#010x}", it.protection.refused, it.key.source);
        problems.report(Problem { code: Code::SrtpNotAuthenticated, layer: Layer::UDP, file, frame, offset, detail });
    }
    tables_of(found, |file| files.get(file as usize).map(|file| file.name.as_str()), points)
}

/// Packets that were not looked at.
pub fn refused(refused: Option<(u64, Stamp)>, problems: &mut impl Problems) {
    if let Some((refused, Stamp { file, frame, offset, .. })) = refused {
        let detail = format!("{refused} packets of streams beyond the limit max_streams were not looked at");
        problems.report(Problem { code: Code::StreamLimit, layer: Layer::UDP, file, frame, offset, detail });
    }
}

/// The tables of what was found; `name` gives that of a file.
pub fn tables_of<'a>(
    found: Found,
    name: impl Fn(u32) -> Option<&'a str>,
    points: &PointNames,
) -> Result<Tables, ArrowError> {
    let Found { streams, reports, sessions, .. } = found;
    let streams = streams.as_slice();
    let all = &Wanted::All;
    let keys: Vec<i64> = streams.iter().map(key_of).collect();
    let with_keys = || streams.iter().zip(&keys);
    let mut rows = StreamColumns::new(streams.len(), all);
    for (row, (of, key)) in with_keys().enumerate() {
        let [src, dst] = addresses(&of.key.flow);
        rows.set(
            row,
            &StreamRow {
                key: *key,
                of,
                point: points.get(of.key.point),
                file: name(of.stream.first.file),
                src: &src,
                dst: &dst,
                types: if of.stream.carriage == Carriage::Fax { Vec::new() } else { of.stream.types() },
                relayed: relayed(of),
                amr: amr(of),
            },
        );
    }
    let mut intervals = IntervalColumns::new(with_keys().map(|(of, _)| of.stream.intervals.len()).sum(), all);
    let of_all = with_keys().flat_map(|(of, key)| of.stream.intervals.iter().map(|interval| (*key, *interval)));
    of_all.enumerate().for_each(|(row, it)| intervals.set(row, &it));
    let mut events = EventColumns::new(with_keys().map(|(of, _)| of.stream.events.len()).sum(), all);
    let of_all = with_keys().flat_map(|(of, key)| of.stream.events.iter().map(|event| (*key, *event)));
    of_all.enumerate().for_each(|(row, it)| events.set(row, &it));
    let mut reported = ReportColumns::new(reports.len(), all);
    let mut counted = SessionColumns::new(sessions.len(), all);
    for (row, (point, flow, of)) in sessions.iter().enumerate() {
        let [src, dst] = addresses(flow);
        counted.set(row, &SessionRow { of, flow, point: points.get(*point), src: &src, dst: &dst });
    }
    for (row, of) in reports.iter().enumerate() {
        let [src, dst] = addresses(&of.flow);
        reported.set(row, &ReportRow { of, point: points.get(of.point), src: &src, dst: &dst });
    }
    Ok(Tables {
        streams: record_batch(rows.finish(all)?)?,
        intervals: record_batch(intervals.finish(all)?)?,
        events: record_batch(events.finish(all)?)?,
        reports: record_batch(reported.finish(all)?)?,
        sessions: record_batch(counted.finish(all)?)?,
    })
}

fn addresses(flow: &Flow) -> [String; 2] {
    [flow.src, flow.dst].map(|ip: IpAddr| ip.to_string())
}

fn relayed(of: &Ended) -> [Option<(String, u16)>; 2] {
    let text = |place: Option<Place>| place.map(|(ip, port)| (ip.to_string(), port));
    of.stream.relayed.map_or([None, None], |it| [text(it.src), text(it.dst)])
}

/// Of AMR and of AMR-WB the form that fits better, and its name.
fn amr(of: &Ended) -> [(Option<&'static str>, Form); 2] {
    let [packed, aligned, wide_packed, wide_aligned] = of.stream.framing.forms;
    [(packed, aligned), (wide_packed, wide_aligned)].map(|(packed, aligned)| {
        let (name, form) =
            if packed.fits > aligned.fits { ("bandwidth_efficient", packed) } else { ("octet_aligned", aligned) };
        ((form.fits > 0).then_some(name), form)
    })
}

/// By ends, source and beginning; what is equal in these, as two capture points see it, is told apart by its ordinal.
fn key_of(it: &Ended) -> i64 {
    let source = hash::pair(route(&it.key.flow), u64::from(it.key.source));
    let identity = hash::pair(source, it.stream.first.time as u64);
    key(hash::pair(identity, u64::from(it.stream.ordinal.unwrap_or(0))))
}
