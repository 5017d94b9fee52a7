//! Header fields by name: those of names that somebody asks for, known or not, each value whole. Read in a second pass
//! over the header lines.

use std::borrow::Cow;

use super::fields::Fields;
use super::folding::unfold;
use super::name::Name;
use super::text::{split_once, trim, trim_end};
use super::tree;

/// The names asked for, each once.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    names: Vec<(Name, Box<str>)>,
}

impl Asked {
    /// Compact and long forms, in any case, are one name (RFC 3261 §7.3.1, §7.3.3).
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut asked = Self::default();
        for text in names {
            if asked.place(text.as_bytes()).is_none() {
                let name = Name::of(text.as_bytes());
                asked.names.push((name, name.canonical().unwrap_or(text).into()));
            }
        }
        asked
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// The long form as registered; a name that we do not know is as it was asked for.
    pub fn name(&self, place: usize) -> Option<&str> {
        self.names.get(place).map(|(_, text)| &**text)
    }

    /// Which of them this is.
    fn place(&self, name: &[u8]) -> Option<usize> {
        match Name::of(name) {
            Name::Other => {
                let same = |text: &str| text.as_bytes().eq_ignore_ascii_case(name);
                self.names.iter().position(|(known, text)| *known == Name::Other && same(text))
            }
            name => self.names.iter().position(|(known, _)| *known == name),
        }
    }

    /// May a message have one of them? Whether it has a name that we do not know is not told before it is read again.
    pub fn concerns(&self, fields: &Fields<'_>) -> bool {
        self.names.iter().any(|(name, _)| *name == Name::Other || fields.has(*name))
    }
}

/// Tells for each field of a message that was asked for, in the order sent, which name it is and its value on one line
/// (RFC 3261 §7.3.1), digest responses and keys hidden. `unfolded` is for the header lines.
pub fn read(message: &[u8], asked: &Asked, unfolded: &mut Vec<u8>, mut tell: impl FnMut(usize, &[u8])) {
    unfolded.clear();
    unfold(message, unfolded);
    for line in unfolded.split(|&b| b == b'\n').skip(1) {
        let Some((name, value)) = split_once(line, b':') else { continue };
        let name = trim_end(name);
        if let Some(place) = asked.place(name) {
            tell(place, &shown(Name::of(name), trim(value)));
        }
    }
}

/// The value of the first header field of this name, on one line (RFC 3261 §7.3.1), digest responses and keys hidden.
pub fn first(message: &[u8], name: Name) -> Option<Vec<u8>> {
    let asked = Asked { names: vec![(name, name.canonical()?.into())] };
    let mut found: Option<Vec<u8>> = None;
    read(message, &asked, &mut Vec::new(), |_, value| {
        found.get_or_insert_with(|| value.to_vec());
    });
    found
}

/// The values of all header fields of this name as one list (RFC 3261 §7.3.1); null where there is none.
pub fn all(message: &[u8], name: Name) -> Option<Vec<u8>> {
    let asked = Asked { names: vec![(name, name.canonical()?.into())] };
    let mut found: Option<Vec<u8>> = None;
    read(message, &asked, &mut Vec::new(), |_, value| match &mut found {
        Some(list) => {
            list.extend_from_slice(b", ");
            list.extend_from_slice(value);
        }
        None => found = Some(value.to_vec()),
    });
    found
}

/// The value of a header field as it may be shown.
fn shown(name: Name, value: &[u8]) -> Cow<'_, [u8]> {
    if tree::is_auth(name) { tree::without_secrets(value).into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::super::fields::{self, Carrier, Scratch};
    use super::*;

    fn rows(message: &str, names: &[&str]) -> Vec<(String, String)> {
        let asked = Asked::new(names.iter().copied());
        let mut found = Vec::new();
        read(message.as_bytes(), &asked, &mut Vec::new(), |name, value| {
            found.push((asked.name(name).unwrap().to_owned(), String::from_utf8_lossy(value).into_owned()));
        });
        found
    }

    fn row(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_name_in_any_form_and_case_is_one_name() {
        let text = "BYE sip:a@b SIP/2.0\r\nv: one\r\nVIA : two, three\r\nVia:four\r\n\r\n";
        assert_eq!(rows(text, &["V", "via"]), [row("Via", "one"), row("Via", "two, three"), row("Via", "four")]);
    }

    #[test]
    fn names_that_nobody_registered_are_as_asked_for() {
        let text = "BYE sip:a@b SIP/2.0\r\nx-VENDOR: 1\r\nX-Vendor-2: 2\r\n\r\n";
        assert_eq!(rows(text, &["X-Vendor"]), [row("X-Vendor", "1")]);
    }

    #[test]
    fn fields_of_several_names_keep_the_order_sent() {
        let text = "BYE sip:a@b SIP/2.0\r\nReason: 1\r\nWarning: 2\r\nReason: 3\r\n\r\n";
        let found: Vec<_> = rows(text, &["Warning", "Reason"]).into_iter().map(|(_, value)| value).collect();
        assert_eq!(found, ["1", "2", "3"]);
    }

    #[test]
    fn folded_values_are_on_one_line() {
        let text = "BYE sip:a@b SIP/2.0\r\nSubject: one\r\n \t two\r\n\r\nSubject: of the body\r\n";
        assert_eq!(rows(text, &["s"]), [row("Subject", "one two")]);
    }

    #[test]
    fn digest_responses_and_keys_are_hidden() {
        let text = "REGISTER sip:b SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"01ab\"\r\n\
                    WWW-Authenticate: Digest nonce=\"n\", IK=\"45cd\", ck = \"67ef\"\r\n\r\n";
        let shown = rows(text, &["authorization", "WWW-Authenticate"]);
        assert_eq!(
            shown,
            [
                row("Authorization", "Digest username=\"u\", response=\"(hidden)\""),
                row("WWW-Authenticate", "Digest nonce=\"n\", IK=\"(hidden)\", ck = \"(hidden)\""),
            ]
        );
    }

    #[test]
    fn only_messages_that_may_have_one_are_read_again() {
        let mut scratch = Scratch::default();
        let text = b"BYE sip:a@b SIP/2.0\r\nWarning: 399 h \"x\"\r\n\r\n";
        let fields = fields::read(text, Carrier::Datagram { missing: 0 }, &mut scratch);
        assert!(Asked::new(["Warning"]).concerns(&fields));
        assert!(Asked::new(["X-Vendor"]).concerns(&fields));
        assert!(!Asked::new(["Reason"]).concerns(&fields));
        assert!(!Asked::new([]).concerns(&fields));
    }
}
