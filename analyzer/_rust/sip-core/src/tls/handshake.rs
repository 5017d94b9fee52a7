//! Messages of the handshake (RFC 5246 §7.4, RFC 8446 §4), as far as opening records or naming the connection takes them.

use super::bytes::Reader;
use super::record::{self, HANDSHAKE, HEADER};

pub const CLIENT_HELLO: u8 = 1;
pub const SERVER_HELLO: u8 = 2;
pub const NEW_SESSION_TICKET: u8 = 4;
pub const END_OF_EARLY_DATA: u8 = 5;
pub const ENCRYPTED_EXTENSIONS: u8 = 8;
pub const CERTIFICATE: u8 = 11;
pub const CLIENT_KEY_EXCHANGE: u8 = 16;
pub const FINISHED: u8 = 20;
pub const KEY_UPDATE: u8 = 24;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const ENCRYPT_THEN_MAC: u16 = 22;
const EXTENDED_MASTER_SECRET: u16 = 23;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;

pub type Random = [u8; 32];

#[derive(Debug, Clone)]
pub struct ClientHello {
    pub random: Random,
    pub session_id: Vec<u8>,
    pub ticket: Vec<u8>,
    pub server_name: Option<String>,
    /// Those offered.
    pub protocols: Option<String>,
    /// The highest that is offered.
    pub version: u16,
}

#[derive(Debug, Clone)]
pub struct ServerHello {
    pub random: Random,
    pub retry: bool,
    pub version: u16,
    pub session_id: Vec<u8>,
    pub suite: u16,
    pub encrypt_then_mac: bool,
    pub extended_master: bool,
    pub protocol: Option<String>,
    /// TLS 1.3: a key from before is used.
    pub pre_shared: bool,
}

fn extensions<'a>(mut reader: Reader<'a>) -> impl Iterator<Item = (u16, &'a [u8])> {
    let mut all = Reader(reader.vector().unwrap_or_default());
    std::iter::from_fn(move || Some((all.u16()?, all.vector()?)))
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..255).unwrap_or(bytes)).into_owned()
}

/// Names of an extension ALPN (RFC 7301 §3.1), separated by spaces.
fn protocols(body: &[u8]) -> Option<String> {
    let mut list = Reader(Reader(body).vector()?);
    let names: Vec<String> = std::iter::from_fn(|| list.short()).take(16).map(words).collect();
    Some(names.join(" "))
}

impl ClientHello {
    /// `body`: without type and length.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let version = reader.u16()?;
        let random = reader.array()?;
        let session_id = reader.short()?.to_vec();
        reader.vector()?;
        reader.short()?;
        let mut hello = Self { random, session_id, ticket: Vec::new(), server_name: None, protocols: None, version };
        for (kind, value) in extensions(reader) {
            match kind {
                SERVER_NAME => {
                    let mut list = Reader(Reader(value).vector().unwrap_or_default());
                    if list.byte() == Some(0) {
                        hello.server_name = list.vector().map(words);
                    }
                }
                ALPN => hello.protocols = protocols(value),
                SESSION_TICKET => hello.ticket = value.to_vec(),
                SUPPORTED_VERSIONS => {
                    let (versions, _) = Reader(value).short().unwrap_or_default().as_chunks::<2>();
                    // Those of RFC 8701 (GREASE) are none.
                    let known = versions.iter().map(|&two| u16::from_be_bytes(two)).filter(|two| two >> 8 == 3);
                    hello.version = known.max().unwrap_or(version);
                }
                _ => {}
            }
        }
        Some(hello)
    }
}

impl ServerHello {
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let version = reader.u16()?;
        let random = reader.array()?;
        let session_id = reader.short()?.to_vec();
        let suite = reader.u16()?;
        reader.byte()?;
        let mut hello = Self {
            random,
            retry: random == RETRY,
            version,
            session_id,
            suite,
            encrypt_then_mac: false,
            extended_master: false,
            protocol: None,
            pre_shared: false,
        };
        for (kind, value) in extensions(reader) {
            match kind {
                ENCRYPT_THEN_MAC => hello.encrypt_then_mac = true,
                EXTENDED_MASTER_SECRET => hello.extended_master = true,
                ALPN => hello.protocol = protocols(value),
                PRE_SHARED_KEY => hello.pre_shared = true,
                SUPPORTED_VERSIONS => hello.version = Reader(value).u16().unwrap_or(version),
                _ => {}
            }
        }
        Some(hello)
    }
}

/// The protocol chosen, of EncryptedExtensions (RFC 8446 §4.3.1).
pub fn encrypted_alpn(body: &[u8]) -> Option<String> {
    extensions(Reader(body)).find(|(kind, _)| *kind == ALPN).and_then(|(_, value)| protocols(value))
}

/// The first certificate of a message: that of the sender.
pub fn certificate(body: &[u8], tls_1_3: bool) -> Option<&[u8]> {
    let mut reader = Reader(body);
    if tls_1_3 {
        reader.short()?; // the context
    }
    Reader(reader.long()?).long()
}

/// The ticket of a NewSessionTicket up to TLS 1.2 (RFC 5077 §3.3).
pub fn ticket(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(body);
    reader.take(4)?;
    reader.vector()
}

/// The premaster secret as the client encrypted it (RFC 5246 §7.4.7.1); SSL 3.0 states no length.
pub fn encrypted_premaster(body: &[u8]) -> &[u8] {
    let mut reader = Reader(body);
    reader.vector().filter(|_| reader.0.is_empty()).unwrap_or(body)
}

/// The ClientHello in these bytes, the first of a connection: `None` while more of them are needed, `Some(None)` if it is none.
pub fn client_hello(bytes: &[u8]) -> Option<Option<ClientHello>> {
    let mut message = Vec::new();
    let mut records = Reader(bytes);
    loop {
        let header: [u8; HEADER] = records.array()?;
        if header[0] != HANDSHAKE || record::length(header).is_none() {
            return Some(None);
        }
        let mut header = Reader(&header);
        header.take(3);
        message.extend_from_slice(records.take(header.u16()?.into())?);
        let mut whole = Reader(&message);
        match whole.byte() {
            Some(CLIENT_HELLO) => {
                if let Some(body) = whole.long() {
                    return Some(ClientHello::read(body));
                }
            }
            Some(_) => return Some(None),
            None => {}
        }
    }
}
