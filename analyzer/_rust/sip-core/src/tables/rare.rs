//! The table of what few messages say (see [`crate::sip::rare`]): one row for each message that says some of it, by its
//! place among the messages of its batch until these have keys.

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave;

use crate::sip::Fields;
use crate::sip::rare::{Rare, concerns, read};
use crate::tables::columns::{Named, Wanted, columns};
use crate::tables::keyed::Part;

columns! {
    struct Columns {
        route: Text = "_route", route_next: Text = "_route_next", record_route: Text = "_record_route",
        path: Text = "_path", service_route: Text = "_service_route", contact: Text = "_contact",
        associated_uris: Text = "_associated_uris", visited_network: Text = "_visited_network",
        served_user: Text = "_served_user", access_network: Text = "_access_network", feature_caps: Text = "_feature_caps",
        security_client: Text = "_security_client", security_server: Text = "_security_server",
        security_verify: Text = "_security_verify", algorithm: Text = "_algorithm", realm: Text = "_realm",
        aka_nonce: Text = "_aka_nonce", auts: Text = "_auts", protected: Text = "_protected", keys: Bool = "_keys",
        tokenized: Bool = "_tokenized", features: Bool = "_features", reginfo: Text = "_reginfo",
    }
}

/// Any of them stands for all: they are made together.
const COLUMN: &str = "_route";

/// The rows of one batch under construction.
pub struct Builder {
    /// None where nobody wants the table.
    columns: Option<Columns>,
    rows: Vec<u32>,
    unfolded: Vec<u8>,
}

impl Builder {
    pub fn new(messages: usize, wanted: &Wanted) -> Self {
        let columns = wanted.has(COLUMN).then(|| Columns::new(messages, &Wanted::All));
        Self { columns, rows: Vec::new(), unfolded: Vec::new() }
    }

    /// Takes what message number `message` of the batch says.
    pub fn push(&mut self, message: usize, bytes: &[u8], fields: &Fields<'_>) {
        let Some(columns) = &mut self.columns else { return };
        if !concerns(fields) {
            return;
        }
        let rare = read(bytes, fields, &mut self.unfolded);
        if says_nothing(&rare) && fields.method != Some(b"REGISTER") {
            return;
        }
        set(columns, self.rows.len(), &rare);
        self.rows.push(u32::try_from(message).unwrap_or(u32::MAX));
    }

    pub fn finish(self) -> Result<Option<Part>, ArrowError> {
        let Some(columns) = self.columns.filter(|_| !self.rows.is_empty()) else { return Ok(None) };
        // The columns have room for each message of the batch: what is copied has not.
        let places: Vec<(usize, usize)> = (0..self.rows.len()).map(|row| (0, row)).collect();
        let copied = |(name, array): (&'static str, ArrayRef)| Ok((name, interleave(&[&*array], &places)?));
        let columns = columns.finish(&Wanted::All)?.into_iter().map(copied).collect::<Result<_, ArrowError>>()?;
        Ok(Some(Part { columns, rows: self.rows }))
    }
}

fn says_nothing(rare: &Rare<'_>) -> bool {
    rare.routes[0].is_none()
        && rare.record_route.is_none()
        && rare.served_user.is_none()
        && rare.access_network.is_none()
        && rare.visited_network.is_none()
        && rare.security_verify.is_none()
        && rare.reginfo.is_none()
        && !rare.features
        && !rare.tokenized
}

fn set(columns: &mut Columns, row: usize, rare: &Rare<'_>) {
    let [route, route_next] = rare.routes;
    columns.route.set_bytes(row, route);
    columns.route_next.set_bytes(row, route_next);
    columns.record_route.set_bytes(row, rare.record_route);
    columns.path.set_bytes(row, rare.path.as_deref());
    columns.service_route.set_bytes(row, rare.service_route.as_deref());
    columns.contact.set_bytes(row, rare.contact.as_deref());
    columns.associated_uris.set_bytes(row, rare.associated_uris.as_deref());
    columns.visited_network.set_bytes(row, rare.visited_network);
    columns.served_user.set_bytes(row, rare.served_user);
    columns.access_network.set_bytes(row, rare.access_network.as_deref());
    columns.feature_caps.set_bytes(row, rare.feature_caps.as_deref());
    columns.security_client.set_bytes(row, rare.security_client.as_deref());
    columns.security_server.set_bytes(row, rare.security_server.as_deref());
    columns.security_verify.set_bytes(row, rare.security_verify.as_deref());
    columns.algorithm.set_bytes(row, rare.algorithm);
    columns.realm.set_bytes(row, rare.realm);
    columns.aka_nonce.set_bytes(row, rare.aka_nonce);
    columns.auts.set_bytes(row, rare.auts);
    columns.protected.set_bytes(row, rare.protected);
    columns.keys.set(row, rare.keys);
    columns.tokenized.set(row, rare.tokenized);
    columns.features.set(row, rare.features);
    columns.reginfo.set_bytes(row, rare.reginfo);
}

/// The columns without rows.
pub fn none() -> Result<Named, ArrowError> {
    Columns::new(0, &Wanted::All).finish(&Wanted::All)
}
