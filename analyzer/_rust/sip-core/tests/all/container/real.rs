//! Captures made by other people, against the packet counts that capinfos gave.

use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};

use sip_core::limits::Limits;

use super::build::try_read_from;

fn captures() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?;
    Some(root.parent()?.join("shared/captures")).filter(|captures| captures.is_dir())
}

#[test]
fn every_packet_of_real_captures_is_delivered() {
    let Some(captures) = captures() else {
        println!("skipped: ../shared/captures is absent (64 captures not read)");
        return;
    };
    let manifest = read_to_string(captures.join("MANIFEST.tsv")).expect("the manifest");
    let mut rows = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = rows.next().expect("a header");
    let column = |name: &str| header.iter().position(|title| *title == name).expect("the column");
    let (file, packets) = (column("file"), column("packets"));
    let mut differences = Vec::new();
    for row in rows {
        let source = Box::new(File::open(captures.join(row[file])).expect("the capture"));
        let reading = try_read_from(source, &Limits::default()).expect("readable");
        let expected: u64 = row[packets].parse().expect("a number");
        let delivered = reading.packets.len() as u64;
        if delivered != expected || reading.info.packets != expected || !reading.problems.is_empty() {
            differences.push(format!("{}: {delivered} of {expected}, {:?}", row[file], reading.problems));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
