//! `parse`: the complete parse of one message as Python dictionaries and lists, which `analyzer.message` gives names.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use sip_core::sip::tree::{Header, Message, Parsed, Part, Start, Value};
use sip_core::sip::uri::{Param, Uri};

type Dict<'py> = PyResult<Bound<'py, PyDict>>;

/// A dictionary of the entries that are there.
macro_rules! dict {
    ($py:expr, $($key:literal: $value:expr),+ $(,)?) => {{
        let dict = PyDict::new($py);
        $(dict.set_item($key, $value)?;)+
        Ok(dict)
    }};
}

fn list<'py, T>(
    py: Python<'py>,
    items: &[T],
    item: impl Fn(Python<'py>, &T) -> Dict<'py>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, items.iter().map(|it| item(py, it)).collect::<PyResult<Vec<_>>>()?)
}

pub fn message<'py>(py: Python<'py>, message: &Message) -> Dict<'py> {
    dict!(py,
        "start": start(py, &message.start)?,
        "headers": list(py, &message.headers, header)?,
        "body": (message.body.start, message.body.end),
        "decoded": message.decoded.as_deref().map(|body| PyBytes::new(py, body)),
        "parts": list(py, &message.parts, part)?,
        "trailing": message.trailing.len(),
        "deviations": message.deviations.iter().map(|it| (it.code.as_str(), it.detail.as_str())).collect::<Vec<_>>(),
    )
}

fn start<'py>(py: Python<'py>, start: &Start) -> Dict<'py> {
    match start {
        Start::Request { method, uri: target, version } => {
            dict!(py, "method": method, "uri": uri(py, target)?, "version": version)
        }
        Start::Response { version, status, reason } => {
            dict!(py, "version": version, "status": *status, "reason": reason)
        }
        Start::Unreadable(line) => dict!(py, "unreadable": line),
    }
}

fn header<'py>(py: Python<'py>, header: &Header) -> Dict<'py> {
    dict!(py,
        "name": &header.name,
        "canonical": header.canonical,
        "value": &header.value,
        "offset": header.place.start,
        "length": header.place.len(),
        "values": list(py, &header.values, value)?,
    )
}

fn value<'py>(py: Python<'py>, value: &Value) -> Dict<'py> {
    let dict = PyDict::new(py);
    dict.set_item("text", &value.text)?;
    match &value.parsed {
        Parsed::Text => {}
        Parsed::Star => dict.set_item("star", true)?,
        Parsed::Address { display, uri: target, params: list } => {
            dict.set_item("display", display)?;
            dict.set_item("uri", uri(py, target)?)?;
            dict.set_item("params", params(list))?;
        }
        Parsed::Via { protocol, transport, host, port, params: list } => {
            dict.set_item("protocol", protocol)?;
            dict.set_item("transport", transport)?;
            dict.set_item("host", host)?;
            dict.set_item("port", port)?;
            dict.set_item("params", params(list))?;
        }
        Parsed::Sequence { response, number, method } => {
            dict.set_item("response", response)?;
            dict.set_item("number", number)?;
            dict.set_item("method", method)?;
        }
        Parsed::Auth { scheme, params: list } => {
            dict.set_item("scheme", scheme)?;
            dict.set_item("params", params(list))?;
        }
        Parsed::Media { kind, subtype, params: list } => {
            dict.set_item("type", format!("{kind}/{subtype}"))?;
            dict.set_item("params", params(list))?;
        }
        Parsed::Token { word, params: list } => {
            dict.set_item("word", word)?;
            dict.set_item("params", params(list))?;
        }
        Parsed::Number(number) => dict.set_item("number", number)?,
    }
    Ok(dict)
}

fn params(params: &[Param]) -> Vec<(&str, Option<&str>)> {
    params.iter().map(|param| (param.name.as_str(), param.value.as_deref())).collect()
}

fn uri<'py>(py: Python<'py>, uri: &Uri) -> Dict<'py> {
    dict!(py,
        "text": &uri.text,
        "scheme": &uri.scheme,
        "user": &uri.user,
        "password": &uri.password,
        "host": &uri.host,
        "port": &uri.port,
        "opaque": &uri.opaque,
        "params": params(&uri.params),
        "headers": params(&uri.headers),
        "number": &uri.number,
    )
}

fn part<'py>(py: Python<'py>, it: &Part) -> Dict<'py> {
    dict!(py,
        "headers": it.headers.clone(),
        "content": (it.content.start, it.content.end),
        "parts": list(py, &it.parts, part)?,
    )
}
