//! Whatever is in a file: tables, or `ScanError::Capture`.
//!
//! - As many packets are in `account` as in `files`, but for those that `problems` says were skipped.
//! - One thread and two give the same tables.
//! - Every row of `messages` leads back to the bytes of its message.
//! - Of a stream of RTP each packet is new, came before or is stray, and no more are new than were sent.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use sip_core::limits::Limits;
use sip_core::pipeline::{Options, Progress, Scan, ScanError, Source, fetch, scan};
use sip_core::sip::headers::Asked;
use sip_core_fuzz::packets;

/// The one file of this process.
static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("sip-core-fuzz-{}", std::process::id())));

fuzz_target!(|data: &[u8]| {
    fs::write(&*PATH, data).expect("a file in the temporary directory");
    let sources = [Source { name: "fuzz".to_owned(), path: PATH.clone(), point: None, bytes: None, read_before: None }];
    let limits = Limits { max_decompressed_bytes: 1 << 18, max_decoder_bytes: 8 << 20, ..Limits::default() };
    // Two that are known, one of them a secret's, and one that is not; the samples have them.
    let headers = Asked::new(["Via", "Authorization", "X-Asterisk-HangupCause"]);
    let options = |threads| Options {
        limits: limits.clone(),
        threads,
        headers: headers.clone(),
        srtp_keys: true,
        ..Options::default()
    };
    let read = |threads| match scan(&sources, &options(threads), &Progress::default()) {
        Ok(tables) => Ok(tables),
        Err(ScanError::Capture(error)) => Err(error.to_string()),
        Err(error) => panic!("{error}"),
    };

    let one = read(1);
    match (&one, &read(2)) {
        (Ok(one), Ok(two)) => assert!(tables(one).eq(tables(two)), "the number of threads changes the tables"),
        (Err(one), Err(two)) => assert_eq!(one, two),
        _ => panic!("the number of threads decides whether there are tables"),
    }
    if let Ok(one) = one {
        let skipped = texts(&one.problems, "code").iter().filter(|code| *code == "interface_undeclared").count() as i64;
        let packets = |table| numbers(table, "packets").iter().sum::<i64>();
        assert_eq!(packets(&one.account) + skipped, packets(&one.files), "every packet has a place");
        fetch_all(&one, &sources, &options(1));
        count_media(&one);
    }
    fs::remove_file(&*PATH).ok();
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match packets::mutate(&data[..size], max_size, seed, fuzzer_mutate) {
        Some(file) => {
            data[..file.len()].copy_from_slice(&file);
            file.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
});

fn tables(scan: &Scan) -> impl Iterator<Item = &RecordBatch> {
    let by_message = [&scan.messages, &scan.ims_headers, &scan.evidence, &scan.headers];
    let alone = [&scan.files, &scan.problems, &scan.account, &scan.failures, &scan.tls_connections];
    let media = scan.media.iter().flat_map(|it| [&it.streams, &it.intervals, &it.events, &it.reports, &it.sessions]);
    by_message.into_iter().chain(&scan.via_tails).chain(alone).chain(media)
}

fn count_media(scan: &Scan) {
    let found = scan.media.as_ref().expect("media are read with everything else");
    let column = |name| numbers(&found.streams, name);
    let counts = column("received").into_iter().zip(column("doubled")).zip(column("stray"));
    for (((received, doubled), stray), (packets, expected)) in
        counts.zip(column("packets").into_iter().zip(column("expected")))
    {
        assert_eq!(received + doubled + stray, packets, "each packet counts once");
        assert!(received <= expected, "no more came than were sent");
    }
}

fn fetch_all(scan: &Scan, sources: &[Source], options: &Options) {
    let column = |name| numbers(&scan.messages, name).into_iter().map(|number| number as u64);
    let places = column("frame").zip(column("byte_offset")).zip(column("length"));
    let places: Vec<_> = places.map(|((frame, offset), length)| ("fuzz".to_owned(), frame, offset, length)).collect();
    let found = fetch(sources, options, &places).expect("what was read before");
    for (place, bytes) in places.iter().zip(found) {
        assert_eq!(bytes.map(|bytes| bytes.len() as u64), Some(place.3), "{place:?}");
    }
}

fn numbers(table: &RecordBatch, name: &str) -> Vec<i64> {
    table.column_by_name(name).expect("the column").as_primitive::<Int64Type>().values().to_vec()
}

fn texts(table: &RecordBatch, name: &str) -> Vec<String> {
    let column = table.column_by_name(name).expect("the column");
    match column.as_string_view_opt() {
        Some(texts) => texts.iter().flatten().map(str::to_owned).collect(),
        None => column.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
    }
}
