//! Keys: of key logs (the format of NSS, which OpenSSL, GnuTLS, Go and agents for Java write), of captures, of servers.
//!
//! A key log may be far larger than the capture. It is read line by line, and where the capture's connections are known,
//! only their lines are kept.

use std::io::{self, BufRead};

use hashbrown::{HashMap, HashSet};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Encrypt, PrivateKey};

use super::handshake::Random;

/// No line of a key log is longer; of one that is, the rest is passed over.
const LONGEST_LINE: u64 = 4_096;
/// Sessions with keys of their own are remembered so many; then all are forgotten.
const MAX_SESSIONS: usize = 65_536;

/// Where keys came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    KeyLog,
    /// A decryption secrets block in the capture.
    Capture,
    /// The private key of the server.
    PrivateKey,
}

impl Origin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::KeyLog => "key_log",
            Origin::Capture => "capture",
            Origin::PrivateKey => "private_key",
        }
    }
}

type Secret = Box<[u8]>;

/// What is known of one connection, by the random of its ClientHello.
#[derive(Clone, Default)]
pub struct Secrets {
    pub master: Option<Secret>,
    pub premaster: Option<Secret>,
    /// Of TLS 1.3, client and server.
    pub early: Option<Secret>,
    pub handshake: [Option<Secret>; 2],
    pub traffic: [Option<Secret>; 2],
    pub origin: Option<Origin>,
}

/// All keys of a scan. Nothing shows them: it has no Debug, and no message quotes a line.
#[derive(Default)]
pub struct Keys {
    connections: HashMap<Random, Secrets>,
    /// Premaster secrets by the first bytes of what the client sent (an old form of NSS).
    by_encrypted: HashMap<[u8; 8], Secret>,
    /// Master secrets by session id or ticket.
    sessions: HashMap<Vec<u8>, (Secret, Origin)>,
    private: Vec<PrivateKey>,
    /// Only the lines of these are kept.
    only: Option<HashSet<Random>>,
    /// A source of keys was given, whether or not there are some in it.
    pub given: bool,
}

/// What a key log turned out to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Lines with a key.
    pub keys: u64,
    /// Lines that are neither a key nor a comment.
    pub other: u64,
}

impl Keys {
    /// Keeps of what is read from now on the lines of these connections alone.
    pub fn only(&mut self, randoms: HashSet<Random>) {
        self.only = Some(randoms);
    }

    pub fn of(&self, random: &Random) -> Option<&Secrets> {
        self.connections.get(random)
    }

    /// Premaster secrets can be found out with what was given.
    pub fn has_premasters(&self) -> bool {
        !self.private.is_empty() || !self.by_encrypted.is_empty()
    }

    /// Reads a key log.
    ///
    /// # Errors
    /// When it cannot be read; what came before is kept.
    pub fn read(&mut self, mut log: impl BufRead, origin: Origin) -> io::Result<Read> {
        self.given = true;
        let (mut read, mut line) = (Read::default(), Vec::new());
        loop {
            line.clear();
            if io::Read::take(&mut log, LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(read);
            }
            if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
                pass_line(&mut log)?;
                read.other += 1;
                continue;
            }
            match self.line(&line, origin) {
                Some(true) => read.keys += 1,
                Some(false) => {}
                None => read.other += 1,
            }
        }
    }

    /// True if it is a line with a key, false if it has no meaning for us, `None` if it is none of a key log.
    fn line(&mut self, line: &[u8], origin: Origin) -> Option<bool> {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Some(false);
        }
        let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let (label, first, second) = (words.next()?, words.next()?, words.next()?);
        if label == b"RSA" {
            return self.rsa(first, second, origin);
        }
        if !label.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_') {
            return None;
        }
        let random: Random = hex(first, 64)?.try_into().ok()?;
        let secret: Secret = hex(second, 256)?.into();
        let wanted = self.only.as_ref().is_none_or(|only| only.contains(&random));
        let place: fn(&mut Secrets) -> &mut Option<Secret> = match label {
            b"CLIENT_RANDOM" => |it| &mut it.master,
            b"PMS_CLIENT_RANDOM" => |it| &mut it.premaster,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => |it| &mut it.early,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => |it| &mut it.handshake[0],
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => |it| &mut it.handshake[1],
            b"CLIENT_TRAFFIC_SECRET_0" => |it| &mut it.traffic[0],
            b"SERVER_TRAFFIC_SECRET_0" => |it| &mut it.traffic[1],
            // EXPORTER_SECRET and what is yet to come.
            _ => return Some(false),
        };
        if wanted {
            let secrets = self.connections.entry(random).or_default();
            *place(secrets) = Some(secret);
            secrets.origin.get_or_insert(origin);
        }
        Some(true)
    }

    /// Old forms: `RSA <encrypted premaster> <premaster>`, `RSA Session-ID:<id> Master-Key:<master>`.
    fn rsa(&mut self, first: &[u8], second: &[u8], origin: Origin) -> Option<bool> {
        if let (Some(id), Some(master)) = (first.strip_prefix(b"Session-ID:"), second.strip_prefix(b"Master-Key:")) {
            self.remember(hex(id, 64)?, &hex(master, 96)?, origin);
            return Some(true);
        }
        let encrypted: [u8; 8] = hex(first, 16)?.try_into().ok()?;
        self.by_encrypted.insert(encrypted, hex(second, 256)?.into());
        Some(true)
    }

    /// Takes the private key of a server (PEM, PKCS#1 or PKCS#8); false if it is none of RSA, or encrypted.
    pub fn private_key(&mut self, pem: &str) -> bool {
        self.given = true;
        let key = PrivateKey::from_pkcs8_pem(pem)
            .or_else(|_| PrivateKey::from_pkcs1_pem(pem).map_err(|_| rsa::pkcs8::Error::ParametersMalformed));
        key.map(|key| self.private.push(key)).is_ok()
    }

    /// The premaster secret that the client encrypted.
    pub fn premaster(&self, encrypted: &[u8]) -> Option<(Vec<u8>, Origin)> {
        if let Some(known) = encrypted.first_chunk().and_then(|first| self.by_encrypted.get(first)) {
            return Some((known.to_vec(), Origin::KeyLog));
        }
        let decrypted = |key: &PrivateKey| key.decrypt(Pkcs1v15Encrypt, encrypted).ok();
        // 48 bytes, of which the first two are a version (RFC 5246 §7.4.7.1).
        let found = self.private.iter().filter_map(decrypted).find(|secret| secret.len() == 48)?;
        Some((found, Origin::PrivateKey))
    }

    /// A session may be resumed by its id or ticket.
    pub fn remember(&mut self, id: Vec<u8>, master: &[u8], origin: Origin) {
        if id.is_empty() {
            return;
        }
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.clear();
        }
        self.sessions.insert(id, (master.into(), origin));
    }

    pub fn session(&self, id: &[u8]) -> Option<(Vec<u8>, Origin)> {
        self.sessions.get(id).map(|(master, origin)| (master.to_vec(), *origin))
    }
}

/// Passes over the rest of a line, without holding it.
fn pass_line(log: &mut impl BufRead) -> io::Result<()> {
    loop {
        let rest = log.fill_buf()?;
        let (end, found) = memchr::memchr(b'\n', rest).map_or((rest.len(), rest.is_empty()), |end| (end + 1, true));
        log.consume(end);
        if found {
            return Ok(());
        }
    }
}

/// So many hexadecimal digits at most, in pairs.
fn hex(digits: &[u8], most: usize) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if digits.is_empty() || digits.len() > most || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(log: &str) -> (Keys, Read) {
        let mut keys = Keys::default();
        let read = keys.read(log.as_bytes(), Origin::KeyLog).unwrap();
        (keys, read)
    }

    #[test]
    fn lines_are_read_as_nss_documents_them() {
        let random = "AB".repeat(32);
        let log = format!(
            "\u{FEFF}# SSL/TLS secrets log file, generated by NSS\r\n\r\nCLIENT_RANDOM {random} {}\r\n\
             SERVER_TRAFFIC_SECRET_0  {}\t{} \nEXPORTER_SECRET {random} 00\nnonsense\nCLIENT_RANDOM zz 00\n{}",
            "0f".repeat(48),
            random.to_lowercase(),
            "10".repeat(32),
            format_args!("CLIENT_TRAFFIC_SECRET_0 {random} {}", "11".repeat(32)),
        );
        let (keys, read) = keys(&log);
        assert_eq!(read, Read { keys: 3, other: 2 });
        let found = keys.of(&[0xAB; 32]).unwrap();
        assert_eq!(found.master.as_deref(), Some(&[0x0F; 48][..]));
        assert_eq!(found.traffic[1].as_deref(), Some(&[0x10; 32][..]));
        assert_eq!(found.traffic[0].as_deref(), Some(&[0x11; 32][..]));
        assert!(keys.of(&[0; 32]).is_none());
    }

    #[test]
    fn of_a_large_log_only_what_the_capture_needs_is_kept() {
        let line = |byte: &str| format!("CLIENT_RANDOM {} {}\n", byte.repeat(32), "00".repeat(48));
        let mut keys = Keys::default();
        keys.only([[1; 32]].into());
        let log = [line("01"), line("02"), line("03")].concat();
        assert_eq!(keys.read(log.as_bytes(), Origin::KeyLog).unwrap().keys, 3);
        assert_eq!(keys.connections.len(), 1);
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let random = "01".repeat(32);
        let log = format!("{}\nCLIENT_RANDOM {random} {}\n", "A".repeat(100_000), "00".repeat(48));
        let (keys, read) = keys(&log);
        assert_eq!(read, Read { keys: 1, other: 1 });
        assert!(keys.of(&[1; 32]).is_some());
    }
}
