//! What we make of other people's odd messages, and why: the torture messages of RFC 4475 and RFC 5118, and what the
//! authors of Kamailio, Zeek and Wireshark have met. Skipped, with a message, where `../shared/vectors` is absent.

use std::path::{Path, PathBuf};

use sip_core::limits::Limits;
use sip_core::packet::Stamp;
use sip_core::sip::{Carrier, Detected, Fields, Flaw, Message, Scratch, StreamFramer, detect, fields};

const DATAGRAM: Carrier = Carrier::Datagram { missing: 0 };

fn vectors(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/vectors").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped 1 test: {} is absent", path.display());
    None
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let Some(path) = vectors(folder) else { return Vec::new() };
    let mut files: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn text(v: Option<&[u8]>) -> String {
    v.map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default()
}

/// A message as a line: `METHOD-or-status | Call-ID up to its first dot | CSeq number and method | From URI;tag |
/// To URI;tag | Via count, top sent-by | body bytes | flaws`. `-` is absent.
fn line(f: &Fields<'_>) -> String {
    let or = |s: String| if s.is_empty() { "-".to_owned() } else { s };
    let what = f.status.map_or_else(|| text(f.method), |s| s.to_string());
    let call_id = text(f.call_id).split(['.', '@']).next().unwrap_or_default().to_owned();
    let cseq = f.cseq.map_or("-".to_owned(), |n| n.to_string());
    let flaws: Vec<_> = f.flaws.iter().map(|flaw| format!("{flaw:?}")).collect();
    format!(
        "{what} | {} | {cseq} {} | {};{} | {};{} | {} {} | {} | {}",
        or(call_id),
        or(text(f.cseq_method)),
        or(text(f.from.uri)),
        or(text(f.from.tag)),
        or(text(f.to.uri)),
        or(text(f.to.tag)),
        f.via.count,
        or(text(f.via.sent_by)),
        f.body.len(),
        or(flaws.join(" ")),
    )
}

fn read_datagram(bytes: &[u8]) -> Option<String> {
    let Detected::Sip { offset, flaws } = detect(bytes) else { return None };
    let mut scratch = Scratch::default();
    let mut fields = fields::read(&bytes[offset..], DATAGRAM, &mut scratch);
    fields.flaws.merge(flaws);
    Some(line(&fields))
}

/// One row a torture message of RFC 4475. What is flagged is what its section says is wrong.
const RFC4475: &[(&str, &str)] = &[
    // §3.1.2.14: blanks inside the brackets of To.
    (
        "badaspec",
        "OPTIONS | badaspec | 3923239 OPTIONS | sip:a.g.bell@example.com;433423 | sip:t.watson@example.org;- | 1 host4.example.com:5060 | 0 | Address",
    ),
    // §3.2.1: the branch is the cookie alone: RFC 2543 matching.
    (
        "badbranch",
        "OPTIONS | badbranch | 8 OPTIONS | sip:caller@example.org;33242 | sip:user@example.com;- | 1 192.0.2.1 | 0 | BranchCookieOnly",
    ),
    // §3.1.2.12: a Date in EST is ignored; it has no column.
    (
        "baddate",
        "INVITE | baddate | 1392934 INVITE | sip:caller@example.net;2234923 | sip:user@example.com;- | 1 host.example.com | 150 | -",
    ),
    // §3.1.2.15: a display name with a comma and no quotes. This copy also lacks the empty line.
    (
        "baddn",
        "OPTIONS | baddn | 3923239 OPTIONS | sip:a.g.bell@example.com;43 | sip:t.watson@example.org;- | 1 c.example.com:5060 | 0 | Cut Address",
    ),
    // §3.1.2.1: stray separators in Via and Contact.
    (
        "badinv01",
        "INVITE | badinv01 | 8 INVITE | sip:caller@example.net;134161461246 | sip:j.user@example.com;- | 1 192.0.2.15 | 152 | Via",
    ),
    // §3.1.2.16: SIP/7.0, in the request line and in Via; the element answers 505.
    (
        "badvers",
        "OPTIONS | badvers | 1 OPTIONS | sip:a.g.bell@example.com;qweoiqpe | sip:t.watson@example.org;- | 1 c.example.com | 0 | Version Via",
    ),
    // §3.3.10: a broadcast address in the second Via is well-formed.
    (
        "bcast",
        "200 | bcast | 35 INVITE | sip:user@example.com;11141343 | sip:user@example.edu;2229 | 2 192.0.2.198 | 154 | -",
    ),
    // §3.3.5: unknown option tags are well-formed.
    (
        "bext01",
        "OPTIONS | bext01 | 8 OPTIONS | sip:caller@example.net;242etr | sip:j_user@example.com;- | 1 fold-and-staple.example.com | 0 | -",
    ),
    // §3.1.2.19: a status of ten digits.
    (
        "bigcode",
        "65535 | bigcode | 353494 INVITE | sip:user@example.com;39ansfi3 | sip:user@example.edu;902jndnke3 | 1 192.0.2.105 | 0 | Status",
    ),
    // §3.1.2.2: Content-Length 9999 in a datagram of 154 bytes of body.
    (
        "clerr",
        "INVITE | clerr | 8 INVITE | sip:caller@example.net;93942939o2 | sip:j.user@example.com;- | 1 host5.example.com | 154 | ContentLengthExceedsDatagram",
    ),
    // §3.3.12: the parameter belongs to Contact.
    (
        "cparam01",
        "REGISTER | cparam01 | 2 REGISTER | sip:watson@example.com;DkfVgjkrtMwaerKKpe | sip:watson@example.com;- | 1 saturn.example.com:5060 | 0 | -",
    ),
    // §3.3.13: the parameter belongs to the URI.
    (
        "cparam02",
        "REGISTER | cparam02 | 3 REGISTER | sip:watson@example.com;838293 | sip:watson@example.com;- | 1 saturn.example.com:5060 | 0 | -",
    ),
    // §3.1.1.8: a second request in the datagram is surplus and not a message.
    (
        "dblreq",
        "REGISTER | dblreq | 8 REGISTER | sip:j.user@example.com;43251j3j324 | sip:j.user@example.com;- | 1 192.0.2.125 | 0 | TrailingBytes",
    ),
    // §3.1.1.3: escapes stay escaped.
    (
        "esc01",
        "INVITE | esc01 | 234234 INVITE | sip:I%20have%20spaces@example.net;938 | sip:%75se%72@example.com;- | 1 host5.example.net | 150 | -",
    ),
    // §3.1.1.5: `%` is an ordinary character in method and header name.
    (
        "esc02",
        "RE%47IST%45R | esc02 | 29344 RE%47IST%45R | sip:resource@example.com;f232jadfj23 | sip:resource@example.com;- | 1 host.example.com | 0 | -",
    ),
    // §3.1.1.4: %00 ends no string.
    (
        "escnull",
        "REGISTER | escnull | 14398234 REGISTER | sip:null-%00-null@example.com;839923423 | sip:null-%00-null@example.com;- | 1 host5.example.com | 0 | -",
    ),
    // §3.1.2.11: headers in the Request-URI.
    (
        "escruri",
        "INVITE | escruri | 149209342 INVITE | sip:caller@example.net;341518 | sip:user@example.com;- | 1 host-of-the-hour.example.com | 150 | RequestUri",
    ),
    // §3.3.1: no Call-ID, From, To.
    ("insuf", "INVITE | - | 193942 INVITE | -;- | -;- | 1 192.0.2.95 | 152 | HeaderMissing"),
    // §3.1.1.2: every token character in method, tag and Call-ID.
    (
        "intmeth",
        "!interesting-Method0123456789_*+`.%indeed'~ | intmeth | 139122385 !interesting-Method0123456789_*+`.%indeed'~ | sip:mundane@example.com;_token~1'+`*%!-. | sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com;- | 1 host1.example.com | 0 | Nul",
    ),
    // §3.4.1: RFC 2543 had no branch and no tag.
    (
        "inv2543",
        "INVITE | inv2543 | 56 INVITE | sip:+13035551111@ift.client.example.net;user=phone;- | sip:+16505552222@ss1.example.net;- | 1 iftgw.example.com | 105 | -",
    ),
    // §3.3.6: an unknown media type is well-formed.
    (
        "invut",
        "INVITE | invut | 235448 INVITE | sip:caller@example.net;8392034 | sip:j.user@example.com;- | 1 somehost.example.com | 40 | -",
    ),
    // §3.1.1.7: 34 Vias, in every mixture of cases and forms.
    (
        "longreq",
        "INVITE | longreq | 3882340 INVITE | sip:amazinglylongcallernameamazinglylongcallernameamazinglylongcallernameamazinglylongcallernameamazinglylongcallername@example.net;LONG | LONG | 34 sip33.example.com | 150 | -",
    ),
    // §3.1.2.7: brackets around the Request-URI.
    (
        "ltgtruri",
        "INVITE | ltgtruri | 1 INVITE | sip:caller@example.net;39291 | sip:user@example.com;- | 1 192.0.2.5 | 159 | RequestUri",
    ),
    // §3.1.1.6: no blank before `<`.
    (
        "lwsdisp",
        "OPTIONS | lwsdisp | 60 OPTIONS | sip:caller@example.com;323 | sip:user@example.com;- | 1 funky.example.com | 0 | -",
    ),
    // §3.1.2.8: white space inside the Request-URI.
    (
        "lwsruri",
        "INVITE | lwsruri | 2130706432 INVITE | sip:caller@example.net;231413434 | sip:user@example.com;3xfe-9921883-z9f | 1 192.0.2.1:5060 | 159 | RequestUri",
    ),
    // §3.1.2.9: several blanks in the request line.
    (
        "lwsstart",
        "INVITE | lwsstart | 1893884 INVITE | sip:caller@example.net;8814 | sip:user@example.com;- | 1 host1.example.com | 150 | StartLine",
    ),
    // §3.3.9: two lengths that differ; the first is used, the rest is surplus.
    (
        "mcl01",
        "OPTIONS | mcl01 | 15932 OPTIONS | sip:other@example.net;3923942 | sip:user@example.com;- | 1 host5.example.net | 13 | TrailingBytes ContentLengthConflict",
    ),
    // §3.1.2.17 and .18: the request line's method, and CSeq's.
    (
        "mismatch01",
        "OPTIONS | mismatch01 | 8 INVITE | sip:caller@example.net;34525 | sip:j.user@example.com;- | 1 host.example.com | 0 | CseqMethodMismatch",
    ),
    (
        "mismatch02",
        "NEWMETHOD | mismatch02 | 8 INVITE | sip:caller@example.net;34525 | sip:j.user@example.com;- | 1 host.example.net | 138 | CseqMethodMismatch",
    ),
    // §3.1.1.11: a binary multipart body.
    (
        "mpart01",
        "MESSAGE | 3d9485ad0c49859b | 1 MESSAGE | sip:fluffy@example.com;2fb0dcc9 | sip:kumiko@example.org;- | 1 127.0.0.1:5070 | 553 | -",
    ),
    // §3.3.8: several of what may be one: the first.
    (
        "multi01",
        "INVITE | multi01 | 5 INVITE | sip:caller@example.com;3413415 | sip:user@example.com;- | 1 192.0.2.25 | 154 | HeaderRepeated",
    ),
    // §3.1.2.3: a negative length: the body is the rest.
    (
        "ncl",
        "INVITE | ncl | 0 INVITE | sip:caller@example.net;32394234 | sip:j.user@example.com;- | 1 192.0.2.53 | 152 | ContentLengthInvalid",
    ),
    // §3.1.1.13: no reason phrase.
    (
        "noreason",
        "100 | noreason | 35 INVITE | sip:user@example.com;39ansfi3 | sip:user@example.edu;902jndnke3 | 1 192.0.2.105 | 0 | -",
    ),
    // §3.3.3: an unknown scheme.
    (
        "novelsc",
        "OPTIONS | novelsc | 3923423 OPTIONS | sip:caller@example.net;384 | sip:user@example.com;- | 1 host9.example.com | 0 | -",
    ),
    // §3.1.2.6: the quote in To never closes; the URI in the brackets is taken.
    (
        "quotbal",
        "INVITE | quotbal | 8 INVITE | sip:caller@example.net;93334 | sip:j.user@example.com;- | 1 192.0.2.59:5050 | 152 | QuoteUnbalanced",
    ),
    // §3.3.7: an unknown authentication scheme.
    (
        "regaut01",
        "REGISTER | regaut01 | 9338 REGISTER | sip:j.user@example.com;87321hj23128 | sip:j.user@example.com;- | 1 192.0.2.253 | 0 | -",
    ),
    // §3.1.2.13: Contact with `?` and without brackets.
    (
        "regbadct",
        "REGISTER | regbadct | 1 REGISTER | sip:user@example.com;998332 | sip:user@example.com;- | 1 135.180.130.133:5060 | 0 | Address",
    ),
    // §3.3.14: an escaped header in a Contact URI.
    (
        "regescrt",
        "REGISTER | regescrt | 14398234 REGISTER | sip:user@example.com;8 | sip:user@example.com;- | 1 host5.example.com | 0 | -",
    ),
    // §3.1.2.4: CSeq, Max-Forwards, Expires beyond their ranges.
    (
        "scalar02",
        "REGISTER | scalar02 | - REGISTER | sip:user@example.com;239232jh3 | sip:user@example.com;- | 1 host129.example.com | 0 | Cseq NumberOutOfRange",
    ),
    // §3.1.2.5: the same in a response: CSeq, Retry-After, a warn-code of four digits.
    (
        "scalarlg",
        "503 | scalarlg | - OPTIONS | sip:other@example.net;2easdjfejw | sip:user@example.com;- | 1 host129.example.com | 0 | Cseq NumberOutOfRange",
    ),
    // §3.3.15: Accept without application/sdp is well-formed.
    (
        "sdp01",
        "INVITE | sdp01 | 8 INVITE | sip:caller@example.net;234 | sip:j_user@example.com;- | 1 192.0.2.15 | 150 | -",
    ),
    // §3.1.1.9: semicolons in the user part.
    (
        "semiuri",
        "OPTIONS | semiuri | 8 OPTIONS | sip:caller@example.org;33242 | sip:j_user@example.com;- | 1 192.0.2.1 | 0 | -",
    ),
    // In the archive without a section: no version, no Via, no CSeq, a line that is no header, Content-Length 18.
    (
        "test",
        "INVITE | test | - - | ralph@example.com;- | alan@jasomi.com;- | 0 - | 18 | StartLine Version HeaderMissing HeaderLine",
    ),
    // §3.1.1.10: unknown transports.
    (
        "transports",
        "OPTIONS | transports | 60 OPTIONS | sip:caller@example.com;323 | sip:user@example.com;- | 5 t1.example.com | 0 | -",
    ),
    // §3.1.2.10: blanks after the request line.
    (
        "trws",
        "OPTIONS | trws | 238923 OPTIONS | sip:local-resource@example.com;329429089 | sip:remote-target@example.com;- | 1 host1.examle.com | 0 | StartLine",
    ),
    // §3.3.2: an unknown scheme.
    (
        "unkscm",
        "OPTIONS | unkscm | 3923423 OPTIONS | sip:caller@example.net;384 | sip:user@example.com;- | 1 host9.example.com | 0 | -",
    ),
    // §3.3.4: other schemes in To, From, Contact.
    (
        "unksm2",
        "REGISTER | unksm2 | 234902 REGISTER | http://www.example.com;3234233 | isbn:2983792873;- | 1 192.0.2.21:5060 | 0 | -",
    ),
    // §3.1.1.12: a reason phrase in UTF-8.
    (
        "unreason",
        "200 | unreason | 35 INVITE | sip:user@example.com;11141343 | sip:user@example.edu;2229 | 1 192.0.2.198 | 154 | -",
    ),
    // §3.1.1.1: folds and blanks wherever they may be, three Vias in two rows.
    (
        "wsinv",
        "INVITE | wsinv | 9 INVITE | sip:jdrosen@example.com;98asjd8 | sip:vivekg@chair-dnrc.example.com;1918181833n | 3 192.0.2.2 | 150 | -",
    ),
    // §3.3.11: Max-Forwards 0 is well-formed.
    (
        "zeromf",
        "OPTIONS | zeromf | 39234321 OPTIONS | sip:caller@example.net;3ghsd41 | sip:user@example.com;- | 1 host1.example.com | 0 | -",
    ),
];

/// RFC 5118: IPv6. Rows by the number of the file; the line breaks of the RFC's `<allOneLine>` mark-up are joined first.
const RFC5118: &[(&str, &str)] = &[
    (
        "01",
        "REGISTER | SSG9559905523997077 | 98176 REGISTER | sip:user@example.com;81x2 | sip:user@example.com;- | 1 [2001:db8::9:1] | 0 | -",
    ),
    // §4.2: a Request-URI without brackets is invalid; we keep it.
    (
        "02",
        "REGISTER | SSG9559905523997077 | 98176 REGISTER | sip:user@example.com;81x2 | sip:user@example.com;- | 1 [2001:db8::9:1] | 0 | -",
    ),
    // §4.3: the port inside the brackets is legal, and part of the address.
    (
        "03",
        "REGISTER | SSG9559905523997077 | 98176 REGISTER | sip:user@example.com;81x2 | sip:user@example.com;- | 1 [2001:db8::9:1] | 0 | -",
    ),
    (
        "04",
        "REGISTER | SSG9559905523997077 | 98176 REGISTER | sip:user@example.com;81x2 | sip:user@example.com;- | 1 [2001:db8::9:1] | 0 | -",
    ),
    // §4.5: `received` with brackets, then without: both accepted.
    (
        "05",
        "BYE | SSG9559905523997077 | 321 BYE | sip:user@example.com;81x2 | sip:user@example.com;bd76ya | 1 [2001:db8::9:1] | 0 | -",
    ),
    (
        "06",
        "OPTIONS | SSG95523997077 | 921 OPTIONS | sip:user@example.com;81x2 | sip:user@example.com;- | 1 [2001:db8::9:1] | 0 | -",
    ),
    // §4.6: the body as extracted lost bytes against its Content-Length of 268.
    (
        "07",
        "INVITE | SSG9559905523997077 | 8612 INVITE | sip:user@example.com;81x2 | sip:user@[2001:db8::10];- | 1 [2001:db8::20] | BODY",
    ),
    (
        "08",
        "BYE | 997077 | 89187 BYE | sip:user@example.com;81x2 | sip:user@example.net;9817--94 | 3 [2001:db8::9:1]:6050 | 0 | -",
    ),
    (
        "09",
        "INVITE | SSG9559905523997077 | 8912 INVITE | sip:user@example.com;81x2 | sip:user@[2001:db8::10];- | 1 [2001:db8::9:1] | BODY",
    ),
    // §4.9: IPv4-mapped addresses are shown as sent.
    (
        "10",
        "INVITE | SSG9559905523997077 | 612 INVITE | sip:user@east.example.com;81x2 | sip:user@example.com;- | 2 [::ffff:192.0.2.10]:19823 | BODY",
    ),
    // §4.10: three colons, which RFC 3261's grammar wrongly generates: accepted.
    (
        "11",
        "OPTIONS | G9559905523997077 | 689 OPTIONS | sip:user@example.com;810x2 | sip:user@[2001:db8:::192.0.2.1];- | 1 lab1.east.example.com | 0 | -",
    ),
    (
        "12",
        "OPTIONS | G9559905523997077 | 689 OPTIONS | sip:user@example.com;810x2 | sip:user@[2001:db8::192.0.2.1];- | 1 lab1.east.example.com | 0 | -",
    ),
];

fn check(got: &str, expected: &str, name: &str, wrong: &mut Vec<String>) {
    if got != expected {
        wrong.push(format!("{name}\n  we say   {got}\n  expected {expected}"));
    }
}

#[test]
fn torture_messages_of_rfc_4475() {
    let files = files("ietf__rfc4475-torture");
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        let expected = RFC4475.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name} has no row")).1;
        let mut got = read_datagram(bytes).unwrap_or_else(|| "not SIP".into());
        if name == "longreq" {
            // Tags and URI of a thousand characters: only their length is of interest.
            let parts: Vec<_> = got.split(" | ").map(str::to_owned).collect();
            let from = parts[3].split_once(';').map_or("", |p| p.0).to_owned();
            assert!(parts[3].len() > 200 && parts[4].len() > 200, "{got}");
            got = format!("{} | {from};LONG | LONG | {}", parts[..3].join(" | "), parts[5..].join(" | "));
        }
        check(&got, expected, name, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files.is_empty() || files.len() == RFC4475.len());
}

/// RFC 5118 prints long lines broken between `<allOneLine>` marks (its §3); on the wire they are one.
fn all_one_line(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut out = String::new();
    let mut joining = false;
    for line in text.split_inclusive("\r\n") {
        match line.trim_end() {
            "<allOneLine>" => joining = true,
            "</allOneLine>" => {
                joining = false;
                out.push_str("\r\n");
            }
            body if joining => out.push_str(body),
            _ => out.push_str(line),
        }
    }
    out.into_bytes()
}

#[test]
fn torture_messages_of_rfc_5118() {
    let mut wrong = Vec::new();
    for (name, bytes) in files("ietf__rfc5118-ipv6-torture") {
        let expected =
            RFC5118.iter().find(|(n, _)| name.starts_with(n)).unwrap_or_else(|| panic!("{name} has no row")).1;
        let mut got = read_datagram(&all_one_line(&bytes)).unwrap_or_else(|| "not SIP".into());
        if let Some((head, _)) = expected.split_once("BODY") {
            // The extraction changed line ends, so lengths of bodies say nothing.
            got = format!("{}BODY", got.get(..head.len()).unwrap_or(&got));
        }
        check(&got, expected, &name, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_request_uri_of_rfc_5118_is_kept_as_sent() {
    for (name, bytes) in files("ietf__rfc5118-ipv6-torture") {
        let first = String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
        let mut scratch = Scratch::default();
        let fields = fields::read(&bytes, DATAGRAM, &mut scratch);
        assert_eq!(text(fields.request_uri), first.split(' ').nth(1).unwrap_or_default(), "{name}");
    }
}

#[test]
fn parameters_of_contact_stand_where_rfc_4475_puts_them() {
    let uri = |file: &str| {
        let (_, bytes) = files("ietf__rfc4475-torture").into_iter().find(|(n, _)| n == file)?;
        let mut scratch = Scratch::default();
        Some(text(fields::read(&bytes, DATAGRAM, &mut scratch).contact.uri))
    };
    if uri("cparam01").is_some() {
        assert_eq!(uri("cparam01").unwrap(), "sip:+19725552222@gw1.example.net");
        assert_eq!(uri("cparam02").unwrap(), "sip:+19725552222@gw1.example.net;unknownparam");
        assert_eq!(uri("escnull").unwrap(), "sip:%00@host5.example.com");
        assert_eq!(uri("regbadct").unwrap(), "sip:user@example.com?Route=%3Csip:sip.example.com%3E");
    }
}

/// Messages of other projects: all are found, and nothing of them is lost.
fn field_messages() -> Vec<(String, Vec<u8>)> {
    let mut all = files("kamailio__kamailio");
    // Zeek's fuzzer separates packets by these marks.
    for (name, bytes) in files("zeek__zeek") {
        let starts: Vec<_> = memchr::memmem::find_iter(&bytes, b"\x01PKT").collect();
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(bytes.len());
            if end > start + 6 {
                all.push((format!("{name} {i}"), bytes[start + 5..end].to_vec()));
            }
        }
    }
    // A log: each message between a line that says where it went and a line of dashes.
    for (name, bytes) in files("wireshark__wireshark") {
        let log = String::from_utf8_lossy(&bytes).into_owned();
        for (i, entry) in log.split("----------------------------------------").enumerate() {
            let start = entry.lines().position(|l| l.contains(" received from ") || l.contains(" sent to "));
            // Other protocols are logged between.
            if let Some(start) = start.filter(|_| entry.contains("SIP/2.0")) {
                let body: Vec<_> = entry.lines().skip(start + 1).collect();
                all.push((format!("{name} {i}"), body.join("\r\n").into_bytes()));
            }
        }
    }
    all
}

#[test]
fn messages_met_by_others_are_never_lost() {
    let lost: Vec<_> = field_messages().into_iter().filter(|(_, bytes)| read_datagram(bytes).is_none()).collect();
    let lost: Vec<_> = lost.iter().map(|(name, bytes)| format!("{name}: {}", String::from_utf8_lossy(bytes))).collect();
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn odd_messages_of_kamailio() {
    let rows = [
        // `Call-ID;` is no header field. Content-Length counts the CRLFs that the file has lost.
        (
            "test__misc__sip__invite5-callid",
            "INVITE | - | 101 INVITE | sip:jiri@iptel.org;b96b0300ed30f1286-2f5d | sip:p2@iptel.org;- | 1 193.175.133.193 | 218 | ",
        ),
        // `branch=` without a value is no branch.
        (
            "test__misc__sip__invite6-badbranch-via",
            "INVITE | b96b0300-88d30f-66da-63aa | 101 INVITE | sip:jiri@iptel.org;b96b0300ed30f1286-2f5d | sip:p2@iptel.org;- | 1 193.175.133.193 | 218 | ",
        ),
        // Two blank lines after the headers: without Content-Length the second belongs to the body.
        ("test__misc__sip__req2", "INVITE | - | - - | -;- | -;- | 2 localhost | 2 | RequestUri"),
        ("test__misc__sip__bad_via3", "INVITE | - | - - | -;- | -;- | 0 - | 1 | Version HeaderMissing"),
    ];
    let files = files("kamailio__kamailio");
    for (name, expected) in rows {
        let Some((_, bytes)) = files.iter().find(|(n, _)| n == name) else { continue };
        let got = read_datagram(bytes).unwrap_or_default();
        assert_eq!(&got[..expected.len().min(got.len())], &expected[..expected.len().min(got.len())], "{name}: {got}");
    }
}

#[test]
fn the_tree_of_every_message_holds_all_its_bytes() {
    let torture = files("ietf__rfc4475-torture").into_iter().chain(files("ietf__rfc5118-ipv6-torture"));
    for (name, bytes) in torture.chain(field_messages()) {
        let tree = Message::read(&bytes, DATAGRAM);
        let mut places = vec![tree.start_line.clone()];
        places.extend(tree.headers.iter().map(|h| h.place.clone()));
        places.extend([tree.empty_line.clone(), tree.body.clone(), tree.trailing.clone()]);
        let mut at = tree.start_line.start;
        for place in places {
            assert_eq!(place.start, at, "{name}: a gap");
            at = place.end;
        }
        assert_eq!(at, bytes.len(), "{name}: the end is missing");
    }
}

/// The rows that a stream of these bytes gives, however it was cut into segments.
fn rows_of_stream(segments: &[&[u8]]) -> Vec<String> {
    let limits = Limits::default();
    let mut framer = StreamFramer::new();
    let mut scratch = Scratch::default();
    let mut rows = Vec::new();
    let mut emit = |framed: sip_core::sip::Framed<'_>| {
        let mut fields = fields::read(framed.bytes, Carrier::Stream, &mut scratch);
        fields.flaws.merge(framed.flaws);
        rows.push(format!("{} complete={}", line(&fields), framed.complete));
    };
    let at = Stamp { time: 0, file: 0, frame: 1, offset: 0 };
    let mut seq = 1u32;
    for segment in segments {
        framer.segment(segment, seq, at, &limits, &mut emit);
        seq = seq.wrapping_add(segment.len() as u32);
    }
    framer.end(&limits, &mut emit);
    rows
}

#[test]
fn every_message_three_ways_gives_the_same_rows() {
    let torture = files("ietf__rfc4475-torture").into_iter().chain(files("ietf__rfc5118-ipv6-torture"));
    let next = b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKz\r\nCall-ID: next\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n";
    for (name, bytes) in torture.chain(field_messages()) {
        let both = [&bytes[..], next].concat();
        let whole = rows_of_stream(&[&bytes, next]);
        let one_by_one: Vec<_> = both.chunks(1).collect();
        assert_eq!(rows_of_stream(&one_by_one), whole, "{name}: a byte at a time");
        assert_eq!(rows_of_stream(&[&both]), whole, "{name}: two in one segment");
    }
}

#[test]
fn the_message_after_an_odd_one_is_found() {
    let next = b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKz\r\nCall-ID: next\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n";
    for (name, bytes) in files("ietf__rfc4475-torture") {
        let rows = rows_of_stream(&[&bytes, next]);
        assert!(rows.last().is_some_and(|row| row.starts_with("BYE | next")), "{name}: {rows:#?}");
    }
}

#[test]
fn every_flaw_has_its_own_code() {
    let mut codes: Vec<_> = Flaw::ALL.iter().map(|f| f.code()).collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), Flaw::ALL.len());
}
