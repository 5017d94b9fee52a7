//! The reader: line by line, each with the level that it speaks of.

use std::borrow::Cow;

use super::codecs::static_codec;
use super::description::{Description, Level, Media, Origin};
use crate::problem::Code;
use crate::sip::preconditions::Direction;
use crate::sip::text::{is_blank, leading_number, number, split, split_once, trim, trim_end, words};

impl<'a> Description<'a> {
    /// Reads a description of which the capture has every byte (`complete`), or lacks the end.
    pub fn read(sdp: &'a [u8], complete: bool, max_media: usize) -> Self {
        let mut reader = Reader { max_media, ..Reader::default() };
        for line in lines(sdp, complete) {
            reader.line(line);
        }
        reader.finish(complete)
    }
}

/// The lines without their ends. Of a description that was cut the last, unfinished line is left out: half a port is a
/// wrong port.
fn lines(sdp: &[u8], complete: bool) -> impl Iterator<Item = &[u8]> {
    let end = if memchr::memchr(b'\n', sdp).is_some() { b'\n' } else { b'\r' };
    let whole = match complete {
        true => sdp,
        false => split(sdp, memchr::memrchr(end, sdp).map_or(0, |at| at + 1)).0,
    };
    whole.split(move |&b| b == end).map(trim_end)
}

fn is_digits(v: &&[u8]) -> bool {
    !v.is_empty() && v.iter().all(u8::is_ascii_digit)
}

/// A number that fits an integer column.
fn integer(v: &[u8]) -> Option<i64> {
    i64::try_from(number(v)?).ok()
}

/// Bytes of what several lines of a description say together.
const TYPICAL: usize = 128;

fn append(joined: &mut Option<Vec<u8>>, by: &[u8], value: &[u8]) {
    match joined {
        Some(text) => text.extend_from_slice(by),
        // There is more to come.
        None => *joined = Some(Vec::with_capacity(value.len().max(TYPICAL))),
    }
    joined.get_or_insert_default().extend_from_slice(value);
}

/// Where a type may stand (RFC 8866 §5): `v o s i u e p c b (t r z) k a`, under an `m=` line `i c b k a`.
fn place(kind: u8) -> Option<u8> {
    match kind {
        b't' | b'r' | b'z' => Some(9),
        b'k' => Some(10),
        b'a' => Some(11),
        _ => b"vosiuepcb".iter().position(|&b| b == kind).map(|at| at as u8),
    }
}

#[derive(Default)]
struct Reader<'a> {
    max_media: usize,
    found: Description<'a>,
    session: Level<'a>,
    session_directions: u8,
    /// Types of session lines that were there, by [`place`].
    seen: u16,
    last_place: u8,
    /// `m=` lines so far, those beyond the limit included.
    sections: usize,
    /// Lines that are empty: harmless at the end.
    empty: bool,
}

impl<'a> Reader<'a> {
    fn odd(&mut self, code: Code, detail: impl FnOnce() -> String) {
        if !self.found.oddities.iter().any(|(known, _)| *known == code) {
            self.found.oddities.push((code, detail()));
        }
    }

    fn malformed(&mut self, line: &[u8]) {
        /// Enough to find the line.
        const SHOWN: usize = 80;
        // Keys have no business in a detail either: those of k= and, behind `inline:`, of a=crypto.
        let key = if line.starts_with(b"k") { Some(1) } else { memchr::memmem::find(line, b"inline") };
        let shown = split(line, key.unwrap_or(line.len())).0;
        self.odd(Code::SdpLineMalformed, || String::from_utf8_lossy(split(shown, SHOWN).0).into_owned());
    }

    fn line(&mut self, line: &'a [u8]) {
        let (kind, value) = match line {
            [] => {
                self.empty = true;
                return;
            }
            [kind, b'=', value @ ..] => (*kind, value),
            _ => return self.malformed(line),
        };
        if self.empty {
            self.malformed(b"(empty line)");
        }
        if kind == b'm' {
            self.last_place = 0;
            self.sections += 1;
            return self.media(line, value);
        }
        let Some(place) = place(kind) else { return self.malformed(line) };
        let of_media = matches!(kind, b'i' | b'c' | b'b' | b'k' | b'a');
        if place < self.last_place || (self.sections > 0 && !of_media) {
            self.odd(Code::SdpLineOrder, || format!("{}= stands too late", char::from(kind)));
        }
        self.last_place = self.last_place.max(place);
        if self.sections == 0 || !of_media {
            self.seen |= 1 << place;
        }
        if self.sections > self.max_media {
            return;
        }
        let read = match kind {
            b'o' => self.origin(value),
            b'c' => self.connection(value),
            b'b' => self.bandwidth(value),
            b'a' => self.attribute(value),
            _ => Some(()),
        };
        if read.is_none() {
            self.malformed(line);
        }
    }

    /// `m=<media> <port>["/"<number of ports>] <proto> <fmt> ...` (RFC 8866 §5.14).
    fn media(&mut self, line: &[u8], value: &'a [u8]) {
        if self.sections > self.max_media {
            let max = self.max_media;
            return self.odd(Code::SdpMediaLimit, || format!("more than {max} m= lines (max_sdp_media)"));
        }
        let mut rest = value;
        let mut word = || {
            rest = trim(rest);
            let (word, tail) = split(rest, rest.iter().position(|&b| is_blank(b)).unwrap_or(rest.len()));
            rest = tail;
            (!word.is_empty()).then_some(word)
        };
        let (media, port, proto) = (word(), word(), word());
        let formats = Some(trim(rest)).filter(|formats| !formats.is_empty());
        let (port, port_count) = match port.map(|port| (port, split_once(port, b'/'))) {
            Some((_, Some((port, count)))) => (integer(port), integer(count)),
            Some((port, None)) => (integer(port), None),
            None => (None, None),
        };
        if port.is_none_or(|port| port > 65_535) || proto.is_none() || formats.is_none() {
            self.malformed(line);
        }
        let one_blank_between =
            |formats: &[u8]| memchr::memchr(b'\t', formats).is_none() && memchr::memmem::find(formats, b"  ").is_none();
        let formats = formats.map(|formats| match one_blank_between(formats) {
            true => Cow::Borrowed(formats),
            false => Cow::Owned(words(formats).collect::<Vec<_>>().join(&b' ')),
        });
        self.found.media.push(Media { media, port, port_count, proto, formats, ..Media::default() });
    }

    /// The level that a line speaks of.
    fn level(&mut self) -> &mut Level<'a> {
        match self.found.media.last_mut() {
            Some(media) => &mut media.level,
            None => &mut self.session,
        }
    }

    fn origin(&mut self, value: &'a [u8]) -> Option<()> {
        let all: Vec<&[u8]> = words(value).take(7).collect();
        let word = |at: usize| all.get(at).copied();
        self.found.origin =
            Origin { username: word(0), session_id: word(1), version: word(2).filter(is_digits), address: word(5) };
        (all.len() == 6 && self.found.origin.version.is_some()).then_some(())
    }

    /// `c=<nettype> <addrtype> <connection-address>`; of several (layered multicast) the first.
    fn connection(&mut self, value: &'a [u8]) -> Option<()> {
        let address = words(value).nth(2)?;
        let (address, _) = split(address, address.iter().position(|&b| b == b'/').unwrap_or(address.len()));
        self.level().connection.get_or_insert(address);
        Some(())
    }

    /// `b=<bwtype>:<bandwidth>`
    fn bandwidth(&mut self, value: &'a [u8]) -> Option<()> {
        let (kind, value) = split_once(value, b':')?;
        if !is_digits(&trim(value)) {
            return None;
        }
        // 1*DIGIT (§9) has no bound; a number beyond the column's is not known.
        let Some(value) = integer(value) else { return Some(()) };
        let level = self.level();
        match kind.to_ascii_uppercase().as_slice() {
            b"AS" => level.application_kbps = Some(value),
            b"TIAS" => level.tias_bps = Some(value),
            b"RS" => level.rs_bps = Some(value),
            b"RR" => level.rr_bps = Some(value),
            _ => {}
        }
        Some(())
    }

    /// `a=<attribute>` or `a=<attribute>:<value>`. Those of no interest here are passed over.
    fn attribute(&mut self, text: &'a [u8]) -> Option<()> {
        let (name, value) = split_once(text, b':').unwrap_or((text, &[]));
        let value = trim(value);
        if let Some(direction) = Direction::of_media(name) {
            self.level().direction = Some(direction);
            let said = 1u8 << direction.0;
            let all = match self.found.media.last_mut() {
                Some(media) => &mut media.directions,
                None => &mut self.session_directions,
            };
            *all |= said;
            if *all != said {
                let last = direction.as_media();
                self.odd(Code::SdpDirectionConflict, || format!("the last one counts: {last}"));
            }
            return Some(());
        }
        match name {
            b"setup" => self.level().setup = Some(value),
            b"ice-ufrag" => self.level().ice = true,
            _ => return self.found.media.last_mut().map_or(Some(()), |media| media.attribute(name, value)),
        }
        Some(())
    }

    fn finish(mut self, complete: bool) -> Description<'a> {
        if complete {
            self.missing();
        }
        for media in &mut self.found.media {
            media.level = media.level.or(&self.session);
            media.name_codecs();
        }
        self.found
    }

    /// Fields that RFC 8866 §5 makes mandatory: v, o, s, t; and c, once or in each `m=` section.
    fn missing(&mut self) {
        if self.seen == 0 && self.sections == 0 {
            self.found.oddities.clear();
            return self.odd(Code::SdpUnreadable, String::new);
        }
        let absent = |kind: u8| place(kind).is_some_and(|place| self.seen & (1 << place) == 0);
        let mut names: Vec<String> =
            b"vost".iter().filter(|&&kind| absent(kind)).map(|&kind| format!("{}=", char::from(kind))).collect();
        let without = |media: &Media<'_>| media.port != Some(0) && media.level.connection.is_none();
        if self.session.connection.is_none() && self.found.media.iter().any(without) {
            names.push("c=".to_owned());
        }
        if !names.is_empty() {
            self.odd(Code::SdpFieldMissing, || names.join(" "));
        }
    }
}

impl<'a> Media<'a> {
    fn attribute(&mut self, name: &[u8], value: &'a [u8]) -> Option<()> {
        match name {
            b"rtpmap" => {
                let (format, encoding) = leading_number(value)?;
                let encoding = words(encoding).next()?;
                // Other numbers are no payload types (RFC 3550 §5.1: seven bits).
                self.rtpmaps.push((u8::try_from(format).ok().filter(|&format| format < 128)?, encoding));
            }
            b"fmtp" => append(&mut self.fmtp, b" | ", value),
            b"curr" | b"des" | b"conf" => {
                append(&mut self.preconditions, b"; ", name);
                append(&mut self.preconditions, b":", value);
                let (kind, status) = split(value, value.iter().position(|&b| is_blank(b)).unwrap_or(value.len()));
                return match (name, kind) {
                    (b"curr", b"qos") => self.qos.current(status),
                    (b"des", b"qos") => self.qos.desired(status),
                    _ => Some(()),
                };
            }
            b"ptime" | b"maxptime" if !value.first().is_some_and(u8::is_ascii_digit) => return None,
            b"ptime" => self.ptime = leading_integer(value),
            b"maxptime" => self.maxptime = leading_integer(value),
            b"rtcp" => self.rtcp_port = Some(leading_integer(value)?),
            b"rtcp-mux" => self.rtcp_mux = true,
            b"mid" => self.mid = Some(value).filter(|mid| !mid.is_empty()),
            b"candidate" => self.candidates += 1,
            // a=crypto:<tag> <crypto-suite> <key-params> ...
            b"crypto" => append(&mut self.crypto, b" ", words(value).nth(1)?),
            _ => {}
        }
        Some(())
    }

    /// The codec of each format: by `a=rtpmap`, else by the static assignment of its payload type; `?` where neither
    /// says it. A format of what is not RTP (`t38`, `webrtc-datachannel`) is its own name.
    fn name_codecs(&mut self) {
        let Some(formats) = &self.formats else { return };
        let rtp = self.proto.is_some_and(|proto| proto.windows(4).any(|part| part.eq_ignore_ascii_case(b"RTP/")));
        if !rtp {
            self.codecs = Some(formats.to_vec());
            return;
        }
        let mut by_type: [Option<&[u8]>; 128] = [None; 128];
        for &(format, encoding) in &self.rtpmaps {
            if let Some(slot) = by_type.get_mut(usize::from(format)) {
                // One channel is what no number says (RFC 8866 §6.6).
                let mono = encoding.iter().filter(|&&b| b == b'/').count() == 2;
                slot.get_or_insert(encoding.strip_suffix(b"/1").filter(|_| mono).unwrap_or(encoding));
            }
        }
        let mut codecs = None;
        for format in words(formats) {
            let format = number(format).and_then(|format| usize::try_from(format).ok());
            let mapped = format.and_then(|format| by_type.get(format).copied().flatten());
            let name = mapped.or_else(|| static_codec(format?)).unwrap_or(b"?");
            append(&mut codecs, b" ", name);
        }
        self.codecs = codecs;
    }
}

/// Whole part of a number such as `20`, `20.5` or `53020 IN IP4 126.16.64.4`.
fn leading_integer(value: &[u8]) -> Option<i64> {
    i64::try_from(leading_number(value)?.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Option<&[u8]>) -> &str {
        std::str::from_utf8(value.unwrap_or_default()).unwrap()
    }

    fn codes(sdp: &str) -> Vec<Code> {
        Description::read(sdp.as_bytes(), true, 8).oddities.into_iter().map(|(code, _)| code).collect()
    }

    const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n";

    /// A whole description with one audio stream.
    fn audio(lines: &[&str]) -> String {
        format!("{SESSION}m=audio 4000 RTP/AVP 0\r\n{}\r\n", lines.join("\r\n"))
    }

    fn only(sdp: &str) -> Media<'_> {
        Description::read(sdp.as_bytes(), true, 8).media.remove(0)
    }

    #[test]
    fn media_level_overrides_session_level() {
        let sdp =
            format!("{SESSION}b=AS:49\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 10.0.0.2\r\na=recvonly\r\n");
        let media = only(&sdp);
        assert_eq!((text(media.level.connection), media.direction().as_media()), ("10.0.0.2", "recvonly"));
        assert_eq!(media.level.application_kbps, Some(49));
    }

    #[test]
    fn without_an_attribute_media_flow_both_ways() {
        assert_eq!(only(&audio(&[])).direction(), Direction::BOTH);
    }

    #[test]
    fn an_address_that_is_none_receives_nothing() {
        let at =
            |address: &str| only(&audio(&[]).replace("c=IN IP4 10.0.0.1", &format!("c=IN IP4 {address}"))).receives();
        assert_eq!(["10.0.0.1", "0.0.0.0", "::", "hold.Invalid"].map(at), [true, false, false, false]);
    }

    #[test]
    fn a_static_payload_type_needs_no_rtpmap() {
        let sdp = format!("{SESSION}m=audio 1 RTP/AVP 8 9 96 97\r\na=rtpmap:96 AMR-WB/16000/1\r\n");
        assert_eq!(text(only(&sdp).codecs.as_deref()), "PCMA/8000 G722/8000 AMR-WB/16000 ?");
    }

    #[test]
    fn channels_are_told_where_there_are_several() {
        let sdp = format!("{SESSION}m=audio 1 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n");
        assert_eq!(text(only(&sdp).codecs.as_deref()), "opus/48000/2");
    }

    #[test]
    fn a_format_that_is_not_rtp_is_its_own_name() {
        let sdp = format!("{SESSION}m=image 4000 udptl t38\r\n");
        assert_eq!(text(only(&sdp).codecs.as_deref()), "t38");
    }

    #[test]
    fn no_key_is_taken_over() {
        let sdp = audio(&[
            "k=clear:secret",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0",
            "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:c2VjcmV0",
            "a=ice-ufrag:8hhY",
            "a=ice-pwd:secret",
        ]);
        let read = Description::read(sdp.as_bytes(), true, 8);
        assert_eq!(text(read.media[0].crypto.as_deref()), "AES_CM_128_HMAC_SHA1_80 AES_CM_128_HMAC_SHA1_32");
        assert!(read.media[0].level.ice);
        assert!(read.oddities.is_empty());
    }

    #[test]
    fn a_broken_key_line_is_reported_without_the_key() {
        let sdp = audio(&["a=crypto:inline:c2VjcmV0"]);
        let (_, detail) = Description::read(sdp.as_bytes(), true, 8).oddities.remove(0);
        assert_eq!(detail, "a=crypto:");
    }

    #[test]
    fn multicast_and_port_pairs() {
        let sdp = format!("{SESSION}m=video 49170/2 RTP/AVP 31\r\nc=IN IP4 233.252.0.2/127\r\n");
        let media = only(&sdp);
        assert_eq!((media.port, media.port_count, text(media.level.connection)), (Some(49170), Some(2), "233.252.0.2"));
    }

    #[test]
    fn what_is_usual_is_not_odd() {
        assert_eq!(codes(&audio(&["a=sendrecv  "])), []);
        assert_eq!(codes(&audio(&[]).replace("\r\n", "\n")), []);
        assert_eq!(codes(&audio(&[]).replace("s=-", "s=")), []);
        assert_eq!(codes(&format!("{}\r\n\r\n", audio(&[]))), []);
    }

    #[test]
    fn what_is_odd_is_told_and_read_all_the_same() {
        for (sdp, code) in [
            (audio(&[]).replace("s=-\r\n", ""), Code::SdpFieldMissing),
            (audio(&[]).replace("c=IN IP4 10.0.0.1\r\n", ""), Code::SdpFieldMissing),
            (audio(&["b=AS:49"]).replace("t=0 0\r\n", "a=x\r\nt=0 0\r\n"), Code::SdpLineOrder),
            (audio(&["y=1"]), Code::SdpLineMalformed),
            (audio(&["a=rtpmap:x PCMU/8000"]), Code::SdpLineMalformed),
            (audio(&["nonsense"]), Code::SdpLineMalformed),
            (audio(&["a=sendonly", "a=inactive"]), Code::SdpDirectionConflict),
        ] {
            assert_eq!(codes(&sdp), [code], "{sdp}");
            assert_eq!(text(only(&sdp).codecs.as_deref()), "PCMU/8000");
        }
    }

    #[test]
    fn a_rejected_stream_needs_no_address() {
        assert_eq!(codes(&audio(&[]).replace("c=IN IP4 10.0.0.1\r\n", "").replace("audio 4000", "audio 0")), []);
    }

    #[test]
    fn what_is_no_description_is_told_so() {
        assert_eq!(codes("\x1f\x08gzipped"), [Code::SdpUnreadable]);
        assert_eq!(codes(""), [Code::SdpUnreadable]);
    }

    /// RFC 8866 §9: 1*DIGIT has no bound, so a number that no column holds is no damage; it is not known.
    #[test]
    fn numbers_beyond_the_columns_are_unknown_and_no_damage() {
        let long = "9".repeat(30);
        let sdp = format!("{SESSION}m=audio 4000 RTP/AVP 0\r\nb=AS:{long}\r\na=ptime:{long}\r\n");
        assert_eq!(codes(&sdp), []);
        assert_eq!((only(&sdp).ptime, only(&sdp).level.application_kbps), (None, None));
        assert_eq!(codes(&audio(&["b=AS:many"])), [Code::SdpLineMalformed]);
    }

    #[test]
    fn half_a_line_of_a_cut_description_is_left_out() {
        let cut = format!("{SESSION}m=audio 4000 RTP/AVP 0\r\nm=video 49");
        let read = Description::read(cut.as_bytes(), false, 8);
        assert_eq!(read.media.len(), 1);
        assert!(read.oddities.is_empty());
    }

    #[test]
    fn media_lines_beyond_the_limit_are_left_out() {
        let sdp = format!("{SESSION}{}", "m=audio 0 RTP/AVP 0\r\n".repeat(9));
        let read = Description::read(sdp.as_bytes(), true, 8);
        assert_eq!((read.media.len(), read.oddities[0].0), (8, Code::SdpMediaLimit));
    }

    fn pending(lines: &[&str]) -> bool {
        Description::read(audio(lines).as_bytes(), true, 8).qos_pending()
    }

    #[test]
    fn an_offer_before_resources_are_there_is_pending() {
        assert!(pending(&["a=curr:qos local none", "a=curr:qos remote none", "a=des:qos mandatory local sendrecv"]));
    }

    #[test]
    fn met_preconditions_are_not_pending() {
        assert!(!pending(&[
            "a=curr:qos local sendrecv",
            "a=des:qos mandatory local sendrecv",
            "a=des:qos none remote sendrecv",
        ]));
    }

    #[test]
    fn one_direction_reached_is_not_both() {
        assert!(pending(&["a=curr:qos local send", "a=des:qos mandatory local sendrecv"]));
    }

    #[test]
    fn what_is_optional_holds_nothing_up() {
        assert!(!pending(&["a=curr:qos remote none", "a=des:qos optional remote sendrecv"]));
    }

    #[test]
    fn a_rejected_stream_waits_for_nothing() {
        let sdp = b"m=audio 0 RTP/AVP 0\r\na=des:qos mandatory local sendrecv\r\n";
        assert!(!Description::read(sdp, true, 8).qos_pending());
    }

    #[test]
    fn sdp_without_preconditions_is_not_pending() {
        assert!(!pending(&["a=sendrecv"]));
    }

    #[test]
    fn preconditions_are_kept_as_sent_and_by_side() {
        let sdp = audio(&["a=curr:qos local none", "a=curr:qos remote sendrecv", "a=des:qos mandatory local sendrecv"]);
        let media = only(&sdp);
        assert_eq!(
            text(media.preconditions.as_deref()),
            "curr:qos local none; curr:qos remote sendrecv; des:qos mandatory local sendrecv"
        );
        assert_eq!(media.qos.local().map(Direction::as_resources), Some("none"));
        assert_eq!(media.qos.remote().map(Direction::as_resources), Some("sendrecv"));
    }
}
