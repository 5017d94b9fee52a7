//! Bad data as rows: one stable snake_case code for each thing that can be wrong with a capture or a message.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What is wrong. The text of a code is part of the contract and never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name),+ }
        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),+];
            /// The stable snake_case name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),+ }
            }
        }
    };
}

codes! {
    // ---- container: files and records -------------------------------------------------------------------------
    /// The last record, block or compressed member ends before its stated length.
    FileCut = "file_cut",
    /// A record or block whose lengths cannot be true; reading stopped or resynchronised here.
    FileCorrupt = "file_corrupt",
    // ---- net: link, IP, transport ------------------------------------------------------------------------------
    /// No decoder for this link type; its packets are counted.
    LinkTypeUnknown = "link_type_unknown",
    // ---- sip ---------------------------------------------------------------------------------------------------
    /// Content-Length says more than the datagram holds.
    SipContentLengthExceedsDatagram = "sip_content_length_exceeds_datagram",
}

/// The layer that noticed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Container,
    Link,
    Ip,
    Udp,
    Tcp,
    Sctp,
    Icmp,
    Sip,
}

impl Layer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Layer::Container => "container",
            Layer::Link => "link",
            Layer::Ip => "ip",
            Layer::Udp => "udp",
            Layer::Tcp => "tcp",
            Layer::Sctp => "sctp",
            Layer::Icmp => "icmp",
            Layer::Sip => "sip",
        }
    }
}

/// One row of the table `problems`.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    pub layer: Layer,
    /// Index of the file in the scan.
    pub file: u32,
    /// 0 where no packet is concerned.
    pub frame: u64,
    /// Byte position in the file.
    pub offset: u64,
    /// For people: which field claimed what, needed and available.
    pub detail: String,
}

/// Where problems are reported; the scan's own sink caps the rows kept per code.
pub trait Problems {
    fn report(&mut self, problem: Problem);
}

impl Problems for Vec<Problem> {
    fn report(&mut self, problem: Problem) {
        self.push(problem);
    }
}
