//! The table of the headers that only an IMS has, which few messages carry (see [`crate::sip::ims_headers`]): one row for each message that says some of it, by its
//! place among the messages of its batch until these have keys.

use arrow_schema::ArrowError;

use crate::sip::ims_headers::{ImsHeaders, concerns, is_reginfo, read};
use crate::sip::{Fields, Name};
use crate::tables::columns::{Named, Wanted, columns};
use crate::tables::keyed::KeyedRows;

columns! {
    pub struct Columns of |it: &ImsHeaders<'_>| {
        route: Text = "_route" => it.routes[0],
        route_next: Text = "_route_next" => it.routes[1],
        record_route: Text = "_record_route" => it.record_route,
        path: Text = "_path" => it.path.as_deref(),
        service_route: Text = "_service_route" => it.service_route.as_deref(),
        contact: Text = "_contact" => it.contact.as_deref(),
        associated_uris: Text = "_associated_uris" => it.associated_uris.as_deref(),
        visited_network: Text = "_visited_network" => it.visited_network,
        served_user: Text = "_served_user" => it.served_user,
        access_network: Text = "_access_network" => it.access_network.as_deref(),
        feature_caps: Text = "_feature_caps" => it.feature_caps.as_deref(),
        security_client: Text = "_security_client" => it.security_client.as_deref(),
        security_server: Text = "_security_server" => it.security_server.as_deref(),
        security_verify: Text = "_security_verify" => it.security_verify.as_deref(),
        algorithm: Text = "_algorithm" => it.algorithm,
        realm: Text = "_realm" => it.realm,
        aka_nonce: Text = "_aka_nonce" => it.aka_nonce,
        auts: Text = "_auts" => it.auts,
        protected: Text = "_protected" => it.protected,
        keys: Bool = "_keys" => it.keys,
        tokenized: Bool = "_tokenized" => it.tokenized,
        features: Bool = "_features" => it.features,
        reginfo: Text = "_reginfo" => it.reginfo,
    }
}

/// It stands for all: they are made together.
const COLUMN: &str = "_route";
/// Where one of these is wanted and the other is not, they are made of REGISTERs and responses to them, and of what tells
/// the state of registrations (RFC 3680), alone.
const OF_REGISTERS: &str = "_contact";
const OF_AGREEMENTS: &str = "_security_client";

/// Of which messages rows are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    All,
    Registers,
    /// REGISTERs and responses to them that agree on security (RFC 3329).
    Agreements,
}

/// The rows of one batch under construction.
pub struct Builder {
    /// None where nobody wants the table.
    columns: Option<Columns>,
    wants: Wants,
    rows: Vec<u32>,
    unfolded: Vec<u8>,
}

impl Builder {
    pub fn new(wanted: &Wanted) -> Self {
        let wants = match (wanted.has(COLUMN), wanted.has(OF_REGISTERS)) {
            (true, _) => Wants::All,
            (_, true) => Wants::Registers,
            _ => Wants::Agreements,
        };
        let made = wants != Wants::Agreements || wanted.has(OF_AGREEMENTS);
        let columns = made.then(|| Columns::new(0, &Wanted::All));
        Self { columns, wants, rows: Vec::new(), unfolded: Vec::new() }
    }

    /// Takes what message number `message` of the batch says.
    pub fn push(&mut self, message: usize, bytes: &[u8], fields: &Fields<'_>) {
        let Some(columns) = &mut self.columns else { return };
        let of_register = fields.method == Some(b"REGISTER");
        let agrees = || fields.has(Name::SecurityClient) || fields.has(Name::SecurityServer);
        let wanted = match self.wants {
            Wants::All => true,
            Wants::Registers => of_register || is_reginfo(fields),
            Wants::Agreements => of_register && agrees(),
        };
        if !wanted || !concerns(fields) {
            return;
        }
        let found = read(bytes, fields, &mut self.unfolded);
        if says_nothing(&found) && !of_register {
            return;
        }
        columns.grow(1, &Wanted::All);
        columns.set(self.rows.len(), &found);
        self.rows.push(u32::try_from(message).unwrap_or(u32::MAX));
    }

    pub fn finish(self) -> Result<Option<KeyedRows>, ArrowError> {
        let Some(columns) = self.columns.filter(|_| !self.rows.is_empty()) else { return Ok(None) };
        let columns = columns.finish(&Wanted::All)?;
        Ok(Some(KeyedRows { columns, rows: self.rows }))
    }
}

fn says_nothing(found: &ImsHeaders<'_>) -> bool {
    found.routes[0].is_none()
        && found.record_route.is_none()
        && found.served_user.is_none()
        && found.access_network.is_none()
        && found.visited_network.is_none()
        && found.security_verify.is_none()
        && found.reginfo.is_none()
        && !found.features
        && !found.tokenized
}

/// The columns without rows.
pub fn none() -> Result<Named, ArrowError> {
    Columns::new(0, &Wanted::All).finish(&Wanted::All)
}
