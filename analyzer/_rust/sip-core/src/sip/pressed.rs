//! Keys that were pressed, as bodies say them: `application/dtmf-relay` and `application/dtmf` of INFO, which no standard has but
//! many devices, and the reports of KPML (RFC 4730 §6.2).

/// Keys in a report; nobody presses more before somebody looks.
const MAX_KEYS: usize = 64;

/// What one body says was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// `0` to `9`, `*`, `#`, `A` to `D`, `R` for a flash; never empty.
    pub keys: String,
    pub duration_ms: Option<u32>,
}

/// Reads a body of this media type, which is in lower case.
pub fn read(media_type: &[u8], body: &[u8]) -> Option<Pressed> {
    match media_type {
        b"application/dtmf-relay" => relay(body),
        b"application/dtmf" => {
            let line = body.split(|byte| *byte == b'\r' || *byte == b'\n').next()?;
            // Some write here what belongs in the other.
            if line.contains(&b'=') { relay(body) } else { pressed(signal(line)?, None) }
        }
        b"application/kpml-response+xml" => {
            let at = body.windows(8).position(|window| window == b"digits=\"" || window == b"digits='")?;
            let (&quote, value) = body.get(at + 7..)?.split_first()?;
            let value = value.split(|byte| *byte == quote).next()?;
            pressed(value.iter().take(MAX_KEYS).filter_map(|byte| key(&[*byte])).collect(), None)
        }
        _ => None,
    }
}

/// Lines `Signal=5` and `Duration=160`, in milliseconds.
fn relay(body: &[u8]) -> Option<Pressed> {
    let (mut keys, mut duration) = (None, None);
    for line in body.split(|byte| *byte == b'\r' || *byte == b'\n').take(16) {
        let mut sides = line.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (sides.next(), sides.next()) else { continue };
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
        if name.eq_ignore_ascii_case(b"signal") {
            keys = signal(value);
        } else if name.eq_ignore_ascii_case(b"duration") {
            duration = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        }
    }
    pressed(keys?, duration)
}

fn pressed(keys: String, duration_ms: Option<u32>) -> Option<Pressed> {
    (!keys.is_empty()).then_some(Pressed { keys, duration_ms })
}

/// A key, or its number of RFC 4733 §3.2.
fn signal(value: &[u8]) -> Option<String> {
    key(value.trim_ascii()).map(String::from)
}

fn key(value: &[u8]) -> Option<char> {
    Some(match value {
        &[key @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd' | b'R' | b'r')] => {
            char::from(key.to_ascii_uppercase())
        }
        b"10" => '*',
        b"11" => '#',
        &[b'1', n @ b'2'..=b'5'] => char::from(b'A' + (n - b'2')),
        b"16" => 'R',
        _ if value.eq_ignore_ascii_case(b"flash") => 'R',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(media_type: &str, body: &str) -> Option<(String, Option<u32>)> {
        read(media_type.as_bytes(), body.as_bytes()).map(|it| (it.keys, it.duration_ms))
    }

    #[test]
    fn bodies_say_what_was_pressed() {
        let of = |keys: &str, ms| Some((keys.to_owned(), ms));
        assert_eq!(keys("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), of("5", Some(160)));
        assert_eq!(keys("application/dtmf-relay", "Signal= 11\nDuration= 250"), of("#", Some(250)));
        assert_eq!(keys("application/dtmf", "*"), of("*", None));
        assert_eq!(keys("application/dtmf", "12"), of("A", None));
        // RFC 4730 §10.1.
        let report =
            "<?xml version=\"1.0\"?><kpml-response version=\"1.0\" code=\"200\" text=\"OK\" digits=\"12#\" tag=\"a\"/>";
        assert_eq!(keys("application/kpml-response+xml", report), of("12#", None));
    }

    #[test]
    fn other_bodies_say_nothing() {
        for (media_type, body) in [
            ("application/dtmf-relay", "Duration=160"),
            ("application/dtmf-relay", "Signal=17"),
            ("application/dtmf", ""),
            ("application/kpml-response+xml", "<kpml-response digits=\"\"/>"),
            ("text/plain", "5"),
        ] {
            assert_eq!(keys(media_type, body), None, "{body}");
        }
    }
}
