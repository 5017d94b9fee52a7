//! From what both sides agreed on, and what is known, to the keys of both.

use super::cipher::{KeyBlock, Opener};
use super::handshake::{ClientHello, ServerHello};
use super::keys::{Keys, Origin};
use super::suite::{Cipher, Suite};

/// Why content could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody gave its keys.
    NoKeys,
    /// Those that were given do not open its records.
    WrongKeys,
    /// A record that no key opens, among others.
    Damaged,
    /// The hellos were not captured.
    NoHandshake,
    /// A cipher that is not read.
    Unsupported,
}

/// TLS 1.3: the keys of client and server, in the order in which they use them (RFC 8446 §7.3).
pub fn of_secrets(client: &ClientHello, server: &ServerHello, keys: &Keys) -> ([Vec<Opener>; 2], Option<Trouble>) {
    let suite = Suite::of(server.suite);
    let opener = |secret: &Option<Box<[u8]>>| secret.as_ref().and_then(|secret| Opener::of_secret(suite, secret));
    let mut openers: [Vec<Opener>; 2] = Default::default();
    if let Some(secrets) = keys.of(&client.random) {
        openers[0].extend(opener(&secrets.early));
        for (end, found) in openers.iter_mut().enumerate() {
            found.extend(opener(&secrets.handshake[end]));
            found.extend(opener(&secrets.traffic[end]));
        }
    }
    let trouble = match suite.cipher {
        Cipher::Unknown => Some(Trouble::Unsupported),
        _ if openers.iter().any(Vec::is_empty) => Some(Trouble::NoKeys),
        _ => None,
    };
    (openers, trouble)
}

/// A handshake up to TLS 1.2.
pub struct Agreed<'a> {
    pub client: &'a ClientHello,
    pub server: &'a ServerHello,
    pub resumed: bool,
    /// As the client encrypted it.
    pub premaster: Option<&'a [u8]>,
    /// The messages up to the key exchange.
    pub transcript: &'a [u8],
}

impl Agreed<'_> {
    /// The keys of client and server, and the master secret that they are made of.
    pub fn openers(&self, keys: &Keys) -> Result<([Opener; 2], Vec<u8>, Origin), Trouble> {
        let &Self { client, server, .. } = self;
        let suite = Suite::of(server.suite);
        let (master, origin) = self.master(suite, keys).ok_or(Trouble::NoKeys)?;
        let block = KeyBlock {
            suite,
            version: server.version,
            master: &master,
            client_random: &client.random,
            server_random: &server.random,
            encrypt_then_mac: server.encrypt_then_mac,
        };
        let openers = block.openers().ok_or(Trouble::Unsupported)?;
        Ok((openers, master, origin))
    }

    /// Of the key log, of the session that is used again, or of the premaster secret.
    fn master(&self, suite: Suite, keys: &Keys) -> Option<(Vec<u8>, Origin)> {
        let &Self { client, server, .. } = self;
        let secrets = keys.of(&client.random);
        let logged = secrets.and_then(|it| it.origin).unwrap_or(Origin::KeyLog);
        if let Some(master) = secrets.and_then(|secrets| secrets.master.as_deref()) {
            return Some((master.to_vec(), logged));
        }
        if self.resumed {
            return keys.session(&server.session_id).or_else(|| keys.session(&client.ticket));
        }
        let (premaster, origin) = match secrets.and_then(|secrets| secrets.premaster.as_deref()) {
            Some(premaster) => (premaster.to_vec(), logged),
            None => keys.premaster(self.premaster.filter(|_| suite.rsa)?)?,
        };
        let prf = suite.prf(server.version);
        let master = if server.extended_master {
            // RFC 7627 §4.
            let hash = prf.session_hash(self.transcript);
            prf.expand(&premaster, b"extended master secret", &hash, 48)
        } else {
            prf.expand(&premaster, b"master secret", &[client.random, server.random].concat(), 48)
        };
        Some((master, origin))
    }
}
