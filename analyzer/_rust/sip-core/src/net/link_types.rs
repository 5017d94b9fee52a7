//! The registry of link types (<https://www.tcpdump.org/linktypes.html>): numbers, names, and what to do about the others.

/// LINKTYPE_ numbers as in files (https://www.tcpdump.org/linktypes.html), and their names there.
macro_rules! link_types {
    ($($name:ident = $number:literal),+ $(,)?) => {
        pub(in crate::net) mod linktype {
            $(pub const $name: u16 = $number;)+
        }

        /// The name of a link type, without LINKTYPE_; that of 147 to 162 is USER0 to USER15.
        pub fn link_type_name(number: u16) -> Option<std::borrow::Cow<'static, str>> {
            Some(match number {
                $($number => stringify!($name).into(),)+
                // On disk RAW should be 101; these are the DLT_RAW of some platforms, written by old tools.
                12 | 14 => "RAW".into(),
                147..=162 => format!("USER{}", number - 147).into(),
                _ => return None,
            })
        }

        /// The number of a link type, by number or name.
        pub fn link_type_number(text: &str) -> Option<u16> {
            let user = || Some(147 + text.strip_prefix("USER")?.parse::<u16>().ok().filter(|&user| user < 16)?);
            match text {
                $(stringify!($name) => Some($number),)+
                _ => text.parse().ok().or_else(user),
            }
        }
    };
}

link_types! {
    NULL = 0, ETHERNET = 1, PPP = 9, PPP_HDLC = 50, PPP_ETHER = 51, ATM_RFC1483 = 100, RAW = 101, C_HDLC = 104,
    IEEE802_11 = 105, FRELAY = 107, LOOP = 108, ENC = 109, LINUX_SLL = 113, IEEE802_11_PRISM = 119,
    IEEE802_11_RADIOTAP = 127, IEEE802_11_AVS = 163, PPI = 192, ERF = 197, PPP_WITH_DIR = 204, MPLS = 219, IPNET = 226,
    IPV4 = 228, IPV6 = 229, NFLOG = 239, SCTP = 248, WIRESHARK_UPPER_PDU = 252, PKTAP = 258, LINUX_SLL2 = 276,
}

/// What a user can do about a link type that is not decoded.
pub(super) fn what_to_do(link: u16) -> String {
    let name = link_type_name(link).unwrap_or_default();
    match link {
        147..=162 => format!(
            "what {name} ({link}) holds is not said in the file: name it with --link-type {name}=ETHERNET, or =RAW for IP"
        ),
        _ => format!(
            "LINKTYPE_ {link} is not decoded, its packets are counted; Wireshark may know it: \
             tshark -r FILE -U 'OSI layer 7' -Y sip -w sip.pcapng makes a file to read instead"
        ),
    }
}
