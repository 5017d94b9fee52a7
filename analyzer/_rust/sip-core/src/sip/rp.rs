//! Short messages in the body `application/vnd.3gpp.sms` (TS 24.341): the relay layer RP (TS 24.011 §7.3, §8.2) and of
//! the transfer layer TP within it (TS 23.040 §9.2) what kind it is, its reference and the other party. The text that
//! somebody wrote is never read.
//!
//! Every length is checked against what is there; of a message that ends too early, what was read before is kept.

use super::text::split;

/// Message type of the relay layer (TS 24.011 §8.2.2). Which of the two directions it goes is [`Relay::to_network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Data,
    Ack,
    Error,
    Smma,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Data => "RP-DATA",
            Kind::Ack => "RP-ACK",
            Kind::Error => "RP-ERROR",
            Kind::Smma => "RP-SMMA",
        }
    }
}

/// A message of the relay layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    pub kind: Kind,
    /// From the mobile station; else to it.
    pub to_network: bool,
    /// RP-Message Reference: an acknowledgement repeats that of the data.
    pub reference: Option<u8>,
    /// RP-Originator Address: the service centre, where the message goes to a mobile station.
    pub originator: Option<String>,
    /// RP-Destination Address: the service centre, where it comes from one.
    pub destination: Option<String>,
    /// RP-Cause (TS 24.011 table 8.4).
    pub cause: Option<u8>,
    pub transfer: Option<Transfer>,
    /// It ends before its own lengths say, or lacks what is mandatory.
    pub malformed: bool,
}

/// What is told of the transfer layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// `SMS-SUBMIT`, `SMS-DELIVER` ... (TP-MTI).
    pub kind: &'static str,
    /// TP-MR.
    pub reference: Option<u8>,
    /// TP-DA of what is submitted, TP-OA of what is delivered, TP-RA of a status report.
    pub address: Option<String>,
    /// TP-FCS: why the other side refused (TS 23.040 §9.2.3.22).
    pub failure: Option<u8>,
    /// TP-ST: what became of a message submitted earlier (TS 23.040 §9.2.3.15).
    pub status: Option<u8>,
}

/// Reads a body; `None` if it is empty or of a reserved type.
///
/// ```text
/// RP-DATA   type reference originator(LV) destination(LV) user-data(LV)     §7.3.1
/// RP-SMMA   type reference                                                  §7.3.2
/// RP-ACK    type reference [0x41 user-data(LV)]                             §7.3.3
/// RP-ERROR  type reference cause(LV) [0x41 user-data(LV)]                   §7.3.4
/// ```
pub fn read(body: &[u8]) -> Option<Relay> {
    let mut octets = Octets(body);
    let mti = octets.next()? & 0b111;
    let kind = match mti >> 1 {
        0 => Kind::Data,
        1 => Kind::Ack,
        2 => Kind::Error,
        _ if mti == 6 => Kind::Smma,
        _ => return None,
    };
    let mut relay = Relay {
        kind,
        to_network: mti & 1 == 0,
        reference: octets.next(),
        originator: None,
        destination: None,
        cause: None,
        transfer: None,
        malformed: false,
    };
    relay.malformed = relay.elements(octets).is_none() || relay.reference.is_none();
    Some(relay)
}

impl Relay {
    fn elements(&mut self, mut octets: Octets<'_>) -> Option<()> {
        let user_data = match self.kind {
            Kind::Data => {
                self.originator = relay_address(octets.length_value()?);
                self.destination = relay_address(octets.length_value()?);
                Some(octets.length_value()?)
            }
            Kind::Ack => octets.user_data()?,
            Kind::Error => {
                // Bit 8 is an extension bit; the octet after it, a diagnostic, says nothing here (§8.2.5.4).
                self.cause = Some(octets.length_value()?.first()? & 0x7f);
                octets.user_data()?
            }
            Kind::Smma => None,
        };
        let Some(user_data) = user_data.filter(|data| !data.is_empty()) else { return Some(()) };
        let mut transfer = Transfer::of(self.kind, self.to_network, user_data)?;
        let whole = transfer.elements(Octets(user_data));
        // Mandatory in the report of an RP-ERROR (TS 23.040 §9.2.2.1a, §9.2.2.2a).
        let refused = self.kind != Kind::Error || transfer.failure.is_some();
        self.transfer = Some(transfer);
        whole.filter(|()| refused)
    }
}

impl Transfer {
    /// By TP-MTI and direction (TS 23.040 §9.2.3.1); an acknowledgement carries a report.
    fn of(relay: Kind, to_network: bool, data: &[u8]) -> Option<Self> {
        let kind = match (relay, to_network, data.first()? & 0b11) {
            (Kind::Data, true, 1) => "SMS-SUBMIT",
            (Kind::Data, true, 2) => "SMS-COMMAND",
            // A mobile station takes the reserved 3 for 0.
            (Kind::Data, false, 0 | 3) => "SMS-DELIVER",
            (Kind::Data, false, 2) => "SMS-STATUS-REPORT",
            (Kind::Ack | Kind::Error, true, 0) => "SMS-DELIVER-REPORT",
            (Kind::Ack | Kind::Error, false, 1) => "SMS-SUBMIT-REPORT",
            _ => return None,
        };
        let failure = data.get(1).copied().filter(|_| relay == Kind::Error);
        Some(Self { kind, reference: None, address: None, failure, status: None })
    }

    /// The elements up to the last that is told (TS 23.040 §9.2.2).
    fn elements(&mut self, mut octets: Octets<'_>) -> Option<()> {
        /// TP-SCTS and TP-DT.
        const TIMESTAMP: usize = 7;
        octets.next()?;
        match self.kind {
            "SMS-SUBMIT" => {
                self.reference = Some(octets.next()?);
                self.address = octets.transfer_address()?;
            }
            "SMS-COMMAND" => {
                self.reference = Some(octets.next()?);
                // TP-PID, TP-CT, TP-MN
                octets.take(3)?;
                self.address = octets.transfer_address()?;
            }
            "SMS-DELIVER" => self.address = octets.transfer_address()?,
            "SMS-STATUS-REPORT" => {
                self.reference = Some(octets.next()?);
                self.address = octets.transfer_address()?;
                octets.take(2 * TIMESTAMP)?;
                self.status = Some(octets.next()?);
            }
            _ => {}
        }
        Some(())
    }
}

/// What is left to read.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn next(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.0.get(..length)?;
        (_, self.0) = split(self.0, length);
        Some(taken)
    }

    /// An element of the format LV: one octet of length, and so many of value.
    fn length_value(&mut self) -> Option<&'a [u8]> {
        let length = self.next()?;
        self.take(length.into())
    }

    /// The optional RP-User Data, of the format TLV (§8.2.5.3); another element than that is passed over, which is one
    /// octet where bit 8 of it is set (TS 24.007 §11.2.4).
    fn user_data(&mut self) -> Option<Option<&'a [u8]>> {
        const IDENTIFIER: u8 = 0x41;
        while let Some(identifier) = self.next() {
            if identifier & 0x80 != 0 {
                continue;
            }
            let value = self.length_value()?;
            if identifier == IDENTIFIER {
                return Some(Some(value));
            }
        }
        Some(None)
    }

    /// An address of the transfer layer: length in digits, type, digits (TS 23.040 §9.1.2.5).
    fn transfer_address(&mut self) -> Option<Option<String>> {
        const ALPHANUMERIC: u8 = 5;
        let digits = usize::from(self.next()?);
        let kind = self.next()?;
        let value = self.take(digits.div_ceil(2))?;
        Some(match type_of_number(kind) {
            ALPHANUMERIC => Some(name(value, digits * 4 / 7)),
            // Their number is told: what fills up the last octet is none, though it should be 15.
            _ => number(kind, value, digits),
        })
    }
}

/// RP-Originator and RP-Destination Address: type and digits (TS 24.011 §8.2.5.1); an empty one is none.
fn relay_address(value: &[u8]) -> Option<String> {
    let (&kind, digits) = value.split_first()?;
    number(kind, digits, 2 * digits.len())
}

fn type_of_number(kind: u8) -> u8 {
    kind >> 4 & 0b111
}

/// At most so many digits, the first in the low half of an octet, until the filler 15 (TS 24.008 §10.5.4.7).
fn number(kind: u8, octets: &[u8], most: usize) -> Option<String> {
    const INTERNATIONAL: u8 = 1;
    let halves = octets.iter().flat_map(|octet| [octet & 0xf, octet >> 4]).take(most);
    let digits = halves.map_while(|half| b"0123456789*#abc".get(usize::from(half))).map(|&digit| char::from(digit));
    let plus = (type_of_number(kind) == INTERNATIONAL).then_some('+');
    let number: String = plus.into_iter().chain(digits).collect();
    Some(number).filter(|number| number.len() > usize::from(plus.is_some()))
}

/// The default alphabet (TS 23.038 §6.2.1); a character of its extension table is two: escape and another.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{a0}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// So many characters of seven bits, the first in the low bits of the first octet (TS 23.038 §6.1.2.1).
fn name(octets: &[u8], characters: usize) -> String {
    let septet = |at: usize| {
        let (octet, shift) = (at * 7 / 8, at * 7 % 8);
        let low = octets.get(octet).copied().unwrap_or(0);
        let high = octets.get(octet + 1).copied().unwrap_or(0);
        usize::from((u16::from_le_bytes([low, high]) >> shift) & 0x7f)
    };
    (0..characters).filter_map(|at| ALPHABET.chars().nth(septet(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    fn relay(text: &str) -> Relay {
        read(&hex(text)).unwrap()
    }

    /// Mobile originated, reference 5, to the service centre +44 7785 016005, SMS-SUBMIT with TP-MR 9 to +46708251358.
    const SUBMIT: &str = "00 05 00 07 91 44 77 58 10 06 50 12 01 09 0b 91 64 07 28 15 53 f8 00 00 05 e8 32 9b fd 06";

    #[test]
    fn what_is_submitted_names_the_service_centre_and_the_other_party() {
        let relay = relay(SUBMIT);
        assert_eq!((relay.kind, relay.to_network, relay.reference), (Kind::Data, true, Some(5)));
        assert_eq!((relay.originator, relay.destination.as_deref()), (None, Some("+447785016005")));
        let transfer = relay.transfer.unwrap();
        assert_eq!((transfer.kind, transfer.reference), ("SMS-SUBMIT", Some(9)));
        assert_eq!(transfer.address.as_deref(), Some("+46708251358"));
        assert!(!relay.malformed);
    }

    #[test]
    fn what_is_delivered_comes_from_the_service_centre() {
        // TP-OA of 4 digits, national: 1 2 3 4.
        let relay = relay("01 7f 07 91 44 77 58 10 06 50 00 0e 04 04 a1 21 43 00 00 62 10 10 00 00 00 00");
        assert_eq!((relay.to_network, relay.originator.as_deref()), (false, Some("+447785016005")));
        let transfer = relay.transfer.unwrap();
        assert_eq!(
            (transfer.kind, transfer.reference, transfer.address.as_deref()),
            ("SMS-DELIVER", None, Some("1234"))
        );
        assert!(!relay.malformed);
    }

    #[test]
    fn a_sender_may_have_a_name_in_place_of_a_number() {
        // "Design@Home" is the example of TS 23.040 §9.1.2.5: 11 characters, 77 bits, 20 half octets.
        let relay = relay("01 01 02 91 44 00 0f 04 14 d0 c4 f2 3c 7d 76 03 90 ef 76 19 00 00");
        assert_eq!(relay.transfer.unwrap().address.as_deref(), Some("Design@Home"));
    }

    #[test]
    fn an_acknowledgement_repeats_the_reference_and_may_carry_a_report() {
        let bare = relay("03 05");
        assert_eq!((bare.kind, bare.to_network, bare.reference), (Kind::Ack, false, Some(5)));
        assert_eq!((bare.transfer, bare.malformed), (None, false));
        let with_report = relay("02 2a 41 02 00 00");
        assert_eq!((with_report.to_network, with_report.transfer.unwrap().kind), (true, "SMS-DELIVER-REPORT"));
    }

    #[test]
    fn an_error_tells_its_cause_and_that_of_the_transfer_layer() {
        let bare = relay("05 05 01 26");
        assert_eq!((bare.kind, bare.to_network, bare.cause), (Kind::Error, false, Some(38)));
        // Memory capacity exceeded, with a diagnostic; TP-FCS D0, SIM SMS storage full.
        let with_report = relay("04 2a 02 96 00 41 03 00 d0 00");
        assert_eq!((with_report.to_network, with_report.cause), (true, Some(22)));
        let transfer = with_report.transfer.unwrap();
        assert_eq!((transfer.kind, transfer.failure), ("SMS-DELIVER-REPORT", Some(0xd0)));
    }

    #[test]
    fn an_error_whose_report_has_no_failure_cause_is_malformed() {
        let relay = relay("04 2a 01 16 41 01 00");
        assert!(relay.malformed);
        assert_eq!((relay.cause, relay.transfer.unwrap().failure), (Some(22), None));
    }

    #[test]
    fn an_element_of_one_octet_before_the_report_is_passed_over() {
        // Bit 8 of an identifier: one octet, no length (TS 24.007 §11.2.4).
        let relay = relay("02 2a d0 41 02 00 00");
        assert_eq!((relay.transfer.unwrap().kind, relay.malformed), ("SMS-DELIVER-REPORT", false));
    }

    #[test]
    fn what_fills_up_the_last_octet_of_a_number_is_no_digit() {
        // Three digits, and 0 where 15 should fill up: 1 2 3.
        let relay = relay("00 05 00 02 91 44 0a 01 09 03 a1 21 03 00 00 00 00");
        assert_eq!(relay.transfer.unwrap().address.as_deref(), Some("123"));
    }

    #[test]
    fn a_status_report_tells_what_became_of_an_earlier_message() {
        let relay = relay("01 03 02 91 44 00 15 02 09 04 a1 21 43 62 10 10 00 00 00 00 62 10 10 00 00 00 00 46");
        let transfer = relay.transfer.unwrap();
        assert_eq!((transfer.kind, transfer.reference, transfer.status), ("SMS-STATUS-REPORT", Some(9), Some(0x46)));
    }

    #[test]
    fn memory_available_has_a_reference_alone() {
        let relay = relay("06 11");
        assert_eq!((relay.kind, relay.to_network, relay.reference), (Kind::Smma, true, Some(0x11)));
        assert!(!relay.malformed);
    }

    #[test]
    fn what_ends_too_early_is_malformed_and_keeps_what_was_read() {
        let whole = hex(SUBMIT);
        for length in 1..whole.len() {
            let relay = read(&whole[..length]).unwrap();
            assert!(relay.malformed, "{length} octets");
            assert_eq!(relay.reference.is_some(), length > 1);
            assert_eq!(relay.destination.is_some(), length >= 11);
        }
    }

    #[test]
    fn nothing_and_a_reserved_type_are_no_messages() {
        assert_eq!((read(b""), read(&[7, 1])), (None, None));
    }

    #[test]
    fn a_length_of_the_transfer_layer_that_lies_is_found() {
        // TP-DA claims 255 digits.
        let relay = relay("00 05 00 02 91 44 04 01 09 ff 91");
        assert!(relay.malformed);
        assert_eq!(relay.transfer.unwrap().reference, Some(9));
    }
}
