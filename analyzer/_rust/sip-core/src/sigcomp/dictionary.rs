//! State that is there before the first message: the words of SIP and SDP, and those of presence.

use std::sync::{Arc, LazyLock};

use super::state::State;

/// Of SIP and SDP (RFC 3485 §3), which every endpoint has (RFC 5049 §4.5).
static SIP: LazyLock<Arc<State>> = LazyLock::new(|| words(include_bytes!("rfc3485.dictionary")));
/// Of presence (RFC 5112 §4).
static PRESENCE: LazyLock<Arc<State>> = LazyLock::new(|| words(include_bytes!("rfc5112.dictionary")));

/// Both.
pub(super) fn all() -> [Arc<State>; 2] {
    [SIP.clone(), PRESENCE.clone()]
}

fn words(bytes: &[u8]) -> Arc<State> {
    Arc::new(State::new(bytes.to_vec(), 0, 0, 6))
}

#[cfg(test)]
mod tests {
    use super::super::message::hex;
    use super::*;

    /// The identifier is a hash over every byte: RFC 3485 §3.3, RFC 5112 §3.3.
    #[test]
    fn the_dictionaries_have_the_identifiers_of_their_standards() {
        let identifiers = all().map(|state| (hex(&state.identifier), state.value.len()));
        let expected = [
            ("fbe507dfe5e6aa5af2abb914ceaa05f99ce61ba5".to_owned(), 0x12E4),
            ("d942297d0bb38fc01d6741d6b3b48157ac8e1be0".to_owned(), 0x0D93),
        ];
        assert_eq!(identifiers, expected);
    }
}
