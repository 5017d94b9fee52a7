//! A row of the table and the complete parse speak of the same message, however oddly its lines end and fold.
//! Found by fuzzing; the inputs are kept in ../fuzz/regressions/message.

use sip_core::sip::tree::Start;
use sip_core::sip::{Carrier, Message, Scratch, fields};

const WHOLE: Carrier = Carrier::Datagram { missing: 0 };

/// Call-ID by `fields::read` and by `Message::read`.
fn call_ids(message: &str) -> [Option<String>; 2] {
    let mut scratch = Scratch::default();
    let row = fields::read(message.as_bytes(), WHOLE, &mut scratch);
    let tree = Message::read(message.as_bytes(), WHOLE);
    [
        row.call_id.map(|id| String::from_utf8_lossy(id).into_owned()),
        tree.headers_named("Call-ID").next().map(|header| header.value.clone()),
    ]
}

#[test]
fn cr_before_the_colon_is_white_space() {
    assert_eq!(call_ids("OPTIONS sip:a@b SIP/2.0\r\nCall-ID\r: 1\r\n\r\n"), [Some("1".into()), Some("1".into())]);
}

#[test]
fn white_space_around_a_fold_is_one_space() {
    let both = [Some("1 2".into()), Some("1 2".into())];
    assert_eq!(call_ids("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\t\r\n \t2\r\n\r\n"), both);
}

#[test]
fn where_cr_ends_lines_it_also_folds_them() {
    let both = [Some("1 2".into()), Some("1 2".into())];
    assert_eq!(call_ids("OPTIONS sip:a@b SIP/2.0\rCall-ID: 1\r 2\r\r"), both);
}

#[test]
fn a_folded_start_line_with_a_cr_in_it_hides_no_header() {
    let message = "OPTIONS sip:a@b\n SIP/2\r.0\r\nCall-ID: 1\r\n\r\n";
    assert_eq!(call_ids(message), [Some("1".into()), Some("1".into())]);
    let mut scratch = Scratch::default();
    let row = fields::read(message.as_bytes(), WHOLE, &mut scratch);
    let Start::Request { method, .. } = Message::read(message.as_bytes(), WHOLE).start else { panic!("a response") };
    assert_eq!((row.method, method.as_str()), (Some(&b"OPTIONS"[..]), "OPTIONS"));
}

#[test]
fn what_follows_a_line_of_blanks_is_no_part_of_the_header_before() {
    let message = "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\n\r\r\n 2\r\n\r\n";
    assert_eq!(call_ids(message), [Some("1".into()), Some("1".into())]);
}
