//! Why a message cannot be decompressed.

macro_rules! reasons {
    ($($(#[$about:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// The reasons of RFC 4077 §3.2, by which the receiver may tell the sender.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$about])* $name = $code),+ }

        impl Reason {
            /// That of a NACK.
            pub fn of(code: u8) -> Option<Self> {
                match code { $($code => Some(Reason::$name),)+ _ => None }
            }

            /// Its name in the standard.
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$name => $text),+ }
            }
        }
    };
}

reasons! {
    StateNotFound = 1, "STATE_NOT_FOUND";
    CyclesExhausted = 2, "CYCLES_EXHAUSTED";
    UserRequested = 3, "USER_REQUESTED";
    Segfault = 4, "SEGFAULT";
    TooManyStateRequests = 5, "TOO_MANY_STATE_REQUESTS";
    InvalidStateIdLength = 6, "INVALID_STATE_ID_LENGTH";
    InvalidStatePriority = 7, "INVALID_STATE_PRIORITY";
    OutputOverflow = 8, "OUTPUT_OVERFLOW";
    StackUnderflow = 9, "STACK_UNDERFLOW";
    BadInputBitorder = 10, "BAD_INPUT_BITORDER";
    DivByZero = 11, "DIV_BY_ZERO";
    SwitchValueTooHigh = 12, "SWITCH_VALUE_TOO_HIGH";
    TooManyBitsRequested = 13, "TOO_MANY_BITS_REQUESTED";
    InvalidOperand = 14, "INVALID_OPERAND";
    HuffmanNoMatch = 15, "HUFFMAN_NO_MATCH";
    MessageTooShort = 16, "MESSAGE_TOO_SHORT";
    InvalidCodeLocation = 17, "INVALID_CODE_LOCATION";
    BytecodesTooLarge = 18, "BYTECODES_TOO_LARGE";
    InvalidOpcode = 19, "INVALID_OPCODE";
    InvalidStateProbe = 20, "INVALID_STATE_PROBE";
    IdNotUnique = 21, "ID_NOT_UNIQUE";
    MultiloadOverwritten = 22, "MULTILOAD_OVERWRITTEN";
    StateTooShort = 23, "STATE_TOO_SHORT";
    InternalError = 24, "INTERNAL_ERROR";
    FramingError = 25, "FRAMING_ERROR";
}

/// Where a message failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub reason: Reason,
    /// Opcode and address of the instruction; `None` if it failed before the first.
    pub at: Option<(u8, u16)>,
    /// The partial identifier of the state that is missing, or not the only one.
    pub state: Vec<u8>,
    /// Cycles that were spent.
    pub cycles: u64,
}

impl Failure {
    /// In words: the reason by its name in RFC 4077, the state, the instruction.
    pub fn text(&self) -> String {
        let mut text = self.reason.name().to_owned();
        if !self.state.is_empty() {
            text += &format!(" (state {})", hex(&self.state));
        }
        match self.at {
            Some((opcode, address)) => text + &format!(", instruction {opcode} at address {address}"),
            None => text + ", in the header",
        }
    }

    pub fn before(reason: Reason) -> Self {
        Failure { reason, at: None, state: Vec::new(), cycles: 0 }
    }
}

/// Bytes as people write identifiers.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
