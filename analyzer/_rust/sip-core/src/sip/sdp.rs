//! The one question a message row asks of its SDP: are quality-of-service preconditions still pending (RFC 3312)?

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::text::{is_blank, trim_end};

/// Directions as two bits: send 1, receive 2 (RFC 3312 §4: `none`, `send`, `recv`, `sendrecv`).
fn direction(word: &[u8]) -> Option<u8> {
    match word {
        b"none" => Some(0),
        b"send" => Some(1),
        b"recv" => Some(2),
        b"sendrecv" => Some(3),
        _ => None,
    }
}

/// `e2e`, `local`, `remote` (RFC 3312 §4).
fn status_type(word: &[u8]) -> Option<usize> {
    match word {
        b"e2e" => Some(0),
        b"local" => Some(1),
        b"remote" => Some(2),
        _ => None,
    }
}

/// Of one `m=` section: what is mandatory, and what is reached. (Optional ones hold nothing up, RFC 3312 §5.)
#[derive(Default)]
struct Section {
    desired: [u8; 3],
    current: [u8; 3],
    rejected: bool,
}

impl Section {
    fn pending(&self) -> bool {
        !self.rejected && self.desired.iter().zip(self.current).any(|(want, have)| want & !have != 0)
    }

    /// `a=curr:qos status-type direction`, after the name.
    fn current(&mut self, value: &[u8]) -> Option<()> {
        let mut words = words(value);
        let status = status_type(words.next()?)?;
        *self.current.get_mut(status)? |= direction(words.next()?)?;
        Some(())
    }

    /// `a=des:qos strength status-type direction`, after the name.
    fn desired(&mut self, value: &[u8]) -> Option<()> {
        let mut words = words(value);
        if words.next()? == b"mandatory" {
            let status = status_type(words.next()?)?;
            *self.desired.get_mut(status)? |= direction(words.next()?)?;
        }
        Some(())
    }
}

fn words(v: &[u8]) -> impl Iterator<Item = &[u8]> {
    v.split(|&b| is_blank(b)).filter(|w| !w.is_empty())
}

static DESIRED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"a=des:qos "));

/// Is there an accepted `m=` section whose current status has not reached a mandatory one?
pub fn qos_pending(sdp: &[u8]) -> bool {
    if DESIRED.find(sdp).is_none() {
        return false;
    }
    let mut section = Section::default();
    let mut at = 0;
    for end in memchr::memchr_iter(b'\n', sdp).chain([sdp.len()]) {
        let line = sdp.get(at..end).unwrap_or_default();
        at = end + 1;
        if let Some(media) = line.strip_prefix(b"m=") {
            if section.pending() {
                return true;
            }
            section = Section { rejected: words(media).nth(1) == Some(b"0"), ..Section::default() };
        } else if let Some(value) = line.strip_prefix(b"a=curr:qos ") {
            section.current(trim_end(value));
        } else if let Some(value) = line.strip_prefix(b"a=des:qos ") {
            section.desired(trim_end(value));
        }
    }
    section.pending()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(lines: &[&str]) -> Vec<u8> {
        format!("v=0\r\nm=audio 4000 RTP/AVP 0\r\n{}\r\n", lines.join("\r\n")).into_bytes()
    }

    #[test]
    fn an_offer_before_resources_are_there_is_pending() {
        let sdp = media(&["a=curr:qos local none", "a=curr:qos remote none", "a=des:qos mandatory local sendrecv"]);
        assert!(qos_pending(&sdp));
    }

    #[test]
    fn met_preconditions_are_not_pending() {
        let sdp = media(&[
            "a=curr:qos local sendrecv",
            "a=des:qos mandatory local sendrecv",
            "a=des:qos none remote sendrecv",
        ]);
        assert!(!qos_pending(&sdp));
    }

    #[test]
    fn one_direction_reached_is_not_both() {
        assert!(qos_pending(&media(&["a=curr:qos local send", "a=des:qos mandatory local sendrecv"])));
    }

    #[test]
    fn what_is_optional_holds_nothing_up() {
        assert!(!qos_pending(&media(&["a=curr:qos remote none", "a=des:qos optional remote sendrecv"])));
    }

    #[test]
    fn a_rejected_stream_waits_for_nothing() {
        assert!(!qos_pending(b"m=audio 0 RTP/AVP 0\r\na=des:qos mandatory local sendrecv\r\n"));
    }

    #[test]
    fn sdp_without_preconditions_is_not_pending() {
        assert!(!qos_pending(&media(&["a=sendrecv"])));
    }
}
