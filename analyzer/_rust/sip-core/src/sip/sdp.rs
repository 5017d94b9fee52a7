//! The one question a message row asks of its SDP: are quality-of-service preconditions still pending (RFC 3312)?

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

/// Of one `m=` section: what is desired with strength mandatory or optional, and what is reached.
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

    /// `a=curr:qos status-type direction` and `a=des:qos strength status-type direction`.
    fn read(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|&b| is_blank(b)).filter(|w| !w.is_empty());
        match words.next()? {
            b"a=curr:qos" => {
                let status = status_type(words.next()?)?;
                *self.current.get_mut(status)? |= direction(words.next()?)?;
            }
            b"a=des:qos" => {
                let strength = words.next()?;
                let status = status_type(words.next()?)?;
                if strength == b"mandatory" || strength == b"optional" {
                    *self.desired.get_mut(status)? |= direction(words.next()?)?;
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// Is there an accepted `m=` section whose current status has not reached a desired one (mandatory or optional)?
pub fn qos_pending(sdp: &[u8]) -> bool {
    if memchr::memmem::find(sdp, b"a=des:qos").is_none() {
        return false;
    }
    let mut section = Section::default();
    for line in sdp.split(|&b| b == b'\n').map(trim_end) {
        if let Some(media) = line.strip_prefix(b"m=") {
            if section.pending() {
                return true;
            }
            let port = media.split(|&b| is_blank(b)).nth(1);
            section = Section { rejected: port == Some(b"0"), ..Section::default() };
        } else {
            section.read(line);
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
    fn a_rejected_stream_waits_for_nothing() {
        assert!(!qos_pending(b"m=audio 0 RTP/AVP 0\r\na=des:qos mandatory local sendrecv\r\n"));
    }

    #[test]
    fn sdp_without_preconditions_is_not_pending() {
        assert!(!qos_pending(&media(&["a=sendrecv"])));
    }
}
