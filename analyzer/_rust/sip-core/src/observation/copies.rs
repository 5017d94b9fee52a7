//! Copies: order in time, keys, duplicates, retransmissions, and the transaction of each message.
//!
//! One pass over all messages in time order, on the few numbers of [`ObservationKey`], with integer keys only. What it decides
//! is local: it depends on messages of the same bytes or the same transaction and on fixed windows, never on the file, the
//! number of threads or the length of the capture.

use std::panic::resume_unwind;
use std::thread;

use hashbrown::HashMap;

use super::key::ObservationKey;
use super::order::{Rows, keys};
use super::repeated::{Again, part_of, repeated};
use super::transactions::{Joined, joined};
use crate::hash::Keyed;

/// What [`classify_copies`] found out about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    pub key: i64,
    /// Key of the transaction's earliest message; `None` for an ACK to a 2xx and what has no transaction.
    pub transaction: Option<i64>,
    /// Key of the first observation, if this is the same packet seen again.
    pub original: Option<i64>,
    pub retransmission: bool,
}

/// Sweeps the messages; the chunks and their rows must be in time order.
///
/// What is alike has the same hash, so each of several threads takes those of some hashes, and none has to wait.
pub fn classify_copies(chunks: &[&[ObservationKey]], threads: usize) -> Vec<Observed> {
    let rows = Rows::new(chunks);
    let parts = match rows.len() {
        ..MANY => 1,
        _ => threads.clamp(1, MAX_PARTS) as u64,
    };
    let keys = keys(&rows);
    let mut copies = HashMap::with_hasher(Keyed);
    in_parts(parts, |part| repeated(&rows, part, parts)).into_iter().for_each(|found| copies.extend(found));

    let mut out: Vec<Observed> =
        keys.iter().map(|&key| Observed { key, transaction: None, original: None, retransmission: false }).collect();
    let key_of = |row: u32| keys.get(row as usize).copied();
    let expected = rows.len() / parts as usize;
    let joined = |part| {
        let mut open = HashMap::with_capacity_and_hasher(expected / 3, Keyed);
        joined(&rows, &keys, &copies, &mut open, |transaction| part_of(transaction, parts) == part)
    };
    for joined in in_parts(parts, joined) {
        for Joined { row, opener, resent } in joined {
            if let Some(seen) = out.get_mut(row as usize) {
                seen.transaction = Some(opener);
                seen.retransmission = resent;
            }
        }
    }
    for (row, copy) in copies {
        let transaction = match copy {
            Again::Duplicate(original) => out.get(original as usize).and_then(|seen| seen.transaction),
            Again::Resent => None,
        };
        let Some(seen) = out.get_mut(row as usize) else { continue };
        match copy {
            Again::Duplicate(original) => {
                *seen = Observed { key: seen.key, transaction, original: key_of(original), retransmission: false };
            }
            Again::Resent => seen.retransmission = true,
        }
    }
    out
}

/// Fewer rows are classified sooner than threads are made.
const MANY: usize = 20_000;
/// Each part goes through all rows: more of them would get little to do.
const MAX_PARTS: usize = 4;

/// The results of all parts, each in a thread of its own.
fn in_parts<T: Send>(parts: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    if parts == 1 {
        return vec![work(0)];
    }
    thread::scope(|scope| {
        let threads: Vec<_> = (0..parts)
            .map(|part| {
                scope.spawn({
                    let work = &work;
                    move || work(part)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Copies, Kind};
    use super::*;

    #[test]
    fn windows_find_what_the_whole_has() {
        let rows: Vec<_> = (0..400_u64)
            .map(|number| {
                let message = number / 4;
                let time = (number / 4 * 40 + [0, 1, 500, 501][number as usize % 4]) as i64;
                let kind = if message.is_multiple_of(3) { Kind::Response(200) } else { Kind::Request };
                let transaction = message / 2;
                ObservationKey { content: message, transaction, kind, ..seen(time, (number / 2) as u32) }
            })
            .collect();
        let mut rows = rows;
        rows.sort_by_key(|row| row.time);
        let whole = classified(&rows);
        for size in [1, 7, 100] {
            let mut copies = Copies::default();
            let mut found = Vec::new();
            for window in rows.chunks(size) {
                found.extend(copies.classify(window, 3_600_000 * MS));
                copies = Copies::from_bytes(&copies.to_bytes()).expect("what was written");
            }
            assert_eq!(found, whole, "windows of {size}");
        }
        assert!(Copies::from_bytes(&[1, 2, 3]).is_none());
    }

    const MS: i64 = 1_000_000;

    /// A request over UDP and IPv4, seen at point 0.
    fn seen(time_ms: i64, ident: u32) -> ObservationKey {
        ObservationKey {
            time: time_ms * MS,
            stamp: time_ms * MS,
            content: 1,
            route: 1,
            transaction: 1,
            ident,
            point: 0,
            kind: Kind::Request,
            stream: false,
            ipv6: false,
            reported: false,
        }
    }

    fn classified(rows: &[ObservationKey]) -> Vec<Observed> {
        classify_copies(&[rows], 1)
    }

    /// (is a duplicate, is a retransmission) of the last of these.
    fn last(rows: &[ObservationKey]) -> (bool, bool) {
        let found = classified(rows);
        found.last().map_or((false, false), |last| (last.original.is_some(), last.retransmission))
    }

    #[test]
    fn one_packet_at_two_interfaces_is_a_duplicate() {
        assert_eq!(last(&[seen(0, 7), seen(50, 7)]), (true, false));
    }

    #[test]
    fn another_ip_identification_is_another_packet() {
        assert_eq!(last(&[seen(0, 7), seen(1, 8)]), (false, true));
    }

    #[test]
    fn the_same_identification_much_later_is_another_packet() {
        assert_eq!(last(&[seen(0, 7), seen(51, 7)]), (false, true));
    }

    #[test]
    fn without_identification_nobody_resends_before_two_fifths_of_t1() {
        assert_eq!(last(&[seen(0, 0), seen(199, 0)]), (true, false));
        assert_eq!(last(&[seen(0, 0), seen(200, 0)]), (false, true));
    }

    #[test]
    fn clocks_of_two_taps_may_differ_by_seconds() {
        assert_eq!(last(&[seen(0, 7), ObservationKey { point: 1, ..seen(2_000, 7) }]), (true, false));
    }

    fn reported(time_ms: i64, agent: u16) -> ObservationKey {
        ObservationKey { reported: true, point: agent, ..seen(time_ms, 0) }
    }

    #[test]
    fn two_agents_report_one_packet_and_their_clocks_may_differ() {
        assert_eq!(last(&[reported(0, 1), reported(700, 2)]), (true, false));
        assert_eq!(last(&[seen(0, 7), reported(3, 2)]), (true, false), "a capture and an agent");
        assert_eq!(last(&[reported(0, 1), reported(10_000, 2)]), (false, true), "too far apart");
    }

    #[test]
    fn what_one_agent_reports_later_was_sent_again() {
        assert_eq!(last(&[reported(0, 1), reported(0, 1)]), (true, false));
        assert_eq!(last(&[reported(0, 1), reported(199, 1)]), (true, false), "two interfaces of its");
        assert_eq!(last(&[reported(0, 1), reported(500, 1)]), (false, true));
    }

    #[test]
    fn the_copies_of_two_agents_are_paired_in_order() {
        // Each reports the message and its second sending; the clock of the second is 300 ms ahead.
        let found =
            classified(&[reported(0, 1), reported(300, 2), reported(500, 1), reported(800, 2), reported(801, 2)]);
        let original: Vec<_> = found.iter().map(|it| it.original).collect();
        assert_eq!(original, [None, Some(found[0].key), None, Some(found[2].key), Some(found[2].key)]);
        assert!(found[2].retransmission && !found[0].retransmission);
    }

    #[test]
    fn behind_an_address_translator_the_bytes_are_the_same_and_the_route_is_not() {
        assert_eq!(last(&[seen(0, 7), ObservationKey { route: 2, ..seen(1, 7) }]), (true, false));
        assert_eq!(last(&[seen(0, 7), ObservationKey { route: 2, ..seen(500, 7) }]), (false, true), "same transaction");
    }

    #[test]
    fn each_copy_of_a_doubled_resending_is_a_duplicate_of_its_own_original() {
        let found = classified(&[seen(0, 7), seen(1, 7), seen(500, 8), seen(501, 8)]);
        let original: Vec<_> = found.iter().map(|it| it.original).collect();
        assert_eq!(original, [None, Some(found[0].key), None, Some(found[2].key)]);
        assert_eq!(found.iter().filter(|it| it.retransmission).count(), 1);
    }

    #[test]
    fn the_ack_to_a_failure_joins_and_the_ack_to_a_2xx_does_not() {
        let ack = |time| ObservationKey { content: 3, kind: Kind::Ack, ..seen(time, 9) };
        let answer = |status| ObservationKey { content: 2, route: 2, kind: Kind::Response(status), ..seen(10, 8) };
        let failed = classified(&[seen(0, 7), answer(486), ack(20)]);
        assert_eq!(failed[2].transaction, Some(failed[0].key));
        let answered = classified(&[seen(0, 7), answer(200), ack(20)]);
        assert_eq!(answered[2].transaction, None);
    }

    #[test]
    fn what_comes_when_all_timers_have_run_out_is_of_another_transaction() {
        let answer = |time| ObservationKey { content: 2, route: 2, kind: Kind::Response(200), ..seen(time, 8) };
        let again = classified(&[seen(0, 7), answer(10), answer(10 + 128_000)]);
        assert_eq!(again[2].transaction, Some(again[0].key), "64 T1 on Gm");
        let later = classified(&[seen(0, 7), answer(10), answer(11 + 128_000)]);
        assert_eq!(later[2].transaction, Some(later[2].key));
        let provisional = ObservationKey { kind: Kind::Response(180), ..answer(10) };
        let late = classified(&[seen(0, 7), provisional, answer(3_000_000)]);
        assert_eq!(late[2].transaction, Some(late[0].key), "it was never answered");
    }

    #[test]
    fn windows_forget_what_changes_nothing_of_what_comes() {
        let mut copies = Copies::default();
        for minute in 0..60_u64 {
            let rows: Vec<_> = (0..200_u64)
                .map(|number| {
                    let message = minute * 200 + number;
                    let kind = if number.is_multiple_of(2) { Kind::Request } else { Kind::Response(200) };
                    let time = (minute * 60_000 + number) as i64;
                    ObservationKey { content: message, transaction: message / 2, kind, ..seen(time, number as u32) }
                })
                .collect();
            copies.classify(&rows, 3_600_000 * MS);
        }
        // Of the last three minutes: 148 s.
        let found = copies.to_bytes();
        let row = ObservationKey::BYTES + 3 * 8;
        assert_eq!(found.len(), 8 + 600 * row + 8 + 300 * 34 + 8);
    }

    #[test]
    fn keys_of_equal_sightings_differ_and_do_not_depend_on_what_stands_between() {
        let other = ObservationKey { content: 5, ..seen(0, 1) };
        let near = classified(&[seen(0, 7), seen(0, 7), other]);
        let apart = classified(&[seen(0, 7), other, seen(0, 7)]);
        assert_ne!(near[0].key, near[1].key);
        assert_eq!((near[0].key, near[1].key), (apart[0].key, apart[2].key));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Each message four times: as sent, seen at another interface, sent again, and that seen again.
        let mut rows: Vec<_> = (0..2 * MANY as i64)
            .map(|number| {
                let message = spread(number as u64 / 4);
                let time = number / 4 + [0, 1, 500, 501][number as usize % 4];
                ObservationKey { content: message, transaction: message, ..seen(time, (number / 2) as u32) }
            })
            .collect();
        rows.sort_by_key(|row| row.time);
        let told = |threads| {
            let told = |it: Observed| (it.key, it.transaction, it.original, it.retransmission);
            classify_copies(&[&rows], threads).into_iter().map(told).collect::<Vec<_>>()
        };
        let one = told(1);
        assert_eq!(one.iter().filter(|it| it.2.is_some()).count(), MANY);
        assert_eq!(one, told(2));
        assert_eq!(one, told(3));
    }
}
