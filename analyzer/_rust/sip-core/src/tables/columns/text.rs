//! Columns of text: each string once, and its number for each row.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::builder::make_view;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringViewArray, UInt32Array};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;
use arrow_select::take::take;
use foldhash::quality::RandomState;
use hashbrown::HashMap;

use super::values::{Values, count};
use super::{Column, Run};
use crate::sip::fields::Line;

/// So many rows without text, which the columns share that have none: each string of an array is looked at when it is made.
fn no_text(rows: usize) -> ArrayRef {
    static NONE: Mutex<Option<StringViewArray>> = Mutex::new(None);
    let mut known = NONE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(none) if rows <= none.len() => Arc::new(none.slice(0, rows)),
        _ => Arc::new(known.insert(StringViewArray::new_null(rows)).clone()),
    }
}

/// The same rows, with the text that they have and no other: rows that are taken from a table, or put behind others, keep the
/// text of all that there were.
pub fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let of = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(texts) if !texts.data_buffers().is_empty() => compacted(texts),
        _ => Ok(Arc::clone(column)),
    };
    RecordBatch::try_new(batch.schema(), batch.columns().iter().map(of).collect::<Result<_, _>>()?)
}

fn compacted(texts: &StringViewArray) -> Result<ArrayRef, ArrowError> {
    let (mut views, mut buffer) = (Vec::new(), Vec::new());
    // Rows that share a string have one view.
    let mut known = HashMap::new();
    let numbers: UInt32Array = (0..texts.len())
        .map(|row| {
            let view = texts.views().get(row).filter(|_| texts.is_valid(row))?;
            Some(*known.entry(*view).or_insert_with(|| {
                let text = texts.value(row).as_bytes();
                views.push(make_view(text, 0, buffer.len() as u32));
                buffer.extend_from_slice(text);
                views.len() as u32 - 1
            }))
        })
        .collect();
    if views.is_empty() {
        return Ok(no_text(texts.len()));
    }
    take(&StringViewArray::try_new(views.into(), vec![Buffer::from_vec(buffer)], None)?, &numbers, None)
}

/// Text: each string once, as far as it was there not long ago, and for each row which of them it has.
///
/// Arrow checks every string it is given for UTF-8; so it is given each once, and gathers the rows itself.
pub struct Text {
    /// For each row the number of its string.
    rows: Values<u32>,
    /// Where each string lies in the buffer: offset, length.
    strings: Vec<(u32, u32)>,
    buffer: Vec<u8>,
    /// By hash: the numbers of recent strings. Small, so that those of all columns stay in the cache.
    recent: Vec<Recent>,
    hasher: RandomState,
}

/// A string that was there not long ago.
#[derive(Clone, Copy, Default)]
struct Recent {
    /// In two halves, so that it takes no more room than it has to.
    hash: [u32; 2],
    /// Its number, and one.
    number: u32,
}

/// Text that stands in a line of messages; where the line was met before, the line says which it is.
pub struct LineText(Text);

/// Addresses as text.
pub struct Address(Text);

/// Strings remembered by a text column; the calls alive at one time are some hundred.
const RECENT: usize = 1024;

fn halves(hash: u64) -> [u32; 2] {
    [hash as u32, (hash >> 32) as u32]
}

impl Text {
    /// Bytes from the wire: null if absent or empty; what is not UTF-8 becomes U+FFFD.
    #[inline]
    pub fn set(&mut self, row: usize, value: Option<impl AsRef<[u8]>>) {
        let Some(value) = &value else { return };
        let bytes = value.as_ref();
        if !bytes.is_empty() && row < self.rows.valid.rows {
            let number = self.number(bytes);
            self.rows.set(row, number);
        }
    }

    /// The number of this string, which is kept where it is not known.
    fn number(&mut self, bytes: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(bytes);
        self.known(hash).unwrap_or_else(|| self.keep(hash, bytes))
    }

    /// The number of the string with this hash. That it is the same string is not looked at, for it would have to come
    /// out of memory: of ten million strings two have the same hash of 64 bits once in a thousand million readings, and as it is
    /// another in each process, nobody can prepare two that have.
    #[inline]
    fn known(&self, hash: u64) -> Option<u32> {
        let recent = self.recent.get(hash as usize % RECENT)?;
        if recent.hash == halves(hash) { recent.number.checked_sub(1) } else { None }
    }

    #[cold]
    fn keep(&mut self, hash: u64, bytes: &[u8]) -> u32 {
        if self.recent.is_empty() {
            self.recent = vec![Recent::default(); RECENT];
        }
        let start = self.buffer.len();
        if bytes.is_ascii() {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.buffer.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes());
        }
        self.strings.push((start as u32, (self.buffer.len() - start) as u32));
        // A part holds a GiB of messages at most, so neither number nor place comes near 2^32.
        let number = self.strings.len() as u32;
        if let Some(slot) = self.recent.get_mut(hash as usize % RECENT) {
            *slot = Recent { hash: halves(hash), number };
        }
        number - 1
    }

    fn string(&self, number: u32) -> Option<&[u8]> {
        let &(offset, length) = self.strings.get(number as usize)?;
        self.buffer.get(offset as usize..offset as usize + length as usize)
    }
}

impl Column for Text {
    const TYPE: &str = "text";

    fn new() -> Self {
        Self {
            rows: Values::new(),
            strings: Vec::new(),
            buffer: Vec::new(),
            recent: Vec::new(),
            hasher: RandomState::default(),
        }
    }

    fn rows(&self) -> usize {
        self.rows.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.rows.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let mut views = Vec::with_capacity(parts.iter().map(|part| part.strings.len()).sum());
        let (mut buffers, mut numbers) = (Vec::new(), Vec::with_capacity(parts.len()));
        for mut part in parts {
            // The strings of all parts are numbered through.
            let before = views.len() as u32;
            if before > 0 {
                part.rows.values.iter_mut().for_each(|number| *number += before);
            }
            let buffer = buffers.len() as u32;
            views.extend(part.strings.iter().enumerate().map(|(number, &(offset, _))| {
                make_view(part.string(number as u32).unwrap_or_default(), buffer, offset)
            }));
            numbers.push(part.rows);
            if !part.buffer.is_empty() {
                part.buffer.shrink_to_fit();
                buffers.push(Buffer::from_vec(part.buffer));
            }
        }
        if views.is_empty() {
            return Ok(no_text(count(runs)));
        }
        let (numbers, nulls) = Values::finish(numbers, runs);
        let strings = StringViewArray::try_new(views.into(), buffers, None)?;
        take(&strings, &UInt32Array::try_new(numbers, nulls)?, None)
    }
}

impl LineText {
    /// As [`Text::set`]; with the line, where it is kept, and the place that the column has in it.
    #[inline]
    pub fn set(&mut self, row: usize, (value, line): (Option<&[u8]>, Option<(&Line, usize)>)) {
        let text = &mut self.0;
        let Some(bytes) = value.filter(|bytes| !bytes.is_empty() && row < text.rows()) else { return };
        let Some((line, place)) = line else { return text.set(row, value) };
        let number = line.number(place).unwrap_or_else(|| {
            let number = text.number(bytes);
            line.keep_number(place, number);
            number
        });
        text.rows.set(row, number);
    }
}

impl Column for LineText {
    const TYPE: &str = Text::TYPE;

    fn new() -> Self {
        Self(Text::new())
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn grow(&mut self, rows: usize) {
        self.0.grow(rows);
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        Text::finish(parts.into_iter().map(|part| part.0).collect(), runs)
    }
}

impl Address {
    /// Null for the unspecified address, which stands for one that the capture does not say.
    #[inline]
    pub fn set(&mut self, row: usize, address: Option<IpAddr>) {
        let text = &mut self.0;
        if let Some(address) = address.filter(|address| !address.is_unspecified())
            && row < text.rows()
        {
            let bits = match address {
                IpAddr::V4(address) => (false, u128::from(address.to_bits())),
                IpAddr::V6(address) => (true, address.to_bits()),
            };
            let hash = text.hasher.hash_one(bits);
            let number = text.known(hash).unwrap_or_else(|| text.keep(hash, address.to_string().as_bytes()));
            text.rows.set(row, number);
        }
    }
}

impl Column for Address {
    const TYPE: &str = Text::TYPE;

    fn new() -> Self {
        Self(Text::new())
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn grow(&mut self, rows: usize) {
        self.0.grow(rows);
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        Text::finish(parts.into_iter().map(|part| part.0).collect(), runs)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::StringViewBuilder;

    use super::*;
    use crate::tables::columns::record_batch;

    /// A string too long for a view to hold it.
    fn long(number: usize) -> String {
        format!("sip:+1555{number:07}@ims.mnc001.mcc001.3gppnetwork.org")
    }

    #[test]
    fn a_row_that_stays_keeps_no_text_of_those_that_left() {
        let mut texts = StringViewBuilder::new();
        (0..1_000).for_each(|number| texts.append_value(long(number)));
        texts.append_null();
        texts.append_value("short");
        let all: ArrayRef = Arc::new(texts.finish());
        let few = take(&all, &UInt32Array::from(vec![7, 1_000, 1_001, 7]), None).expect("rows");
        let found = compact(&record_batch(vec![("uri", few)]).expect("a table")).expect("a table");
        let found = found.column(0).as_string_view();
        let (kept, short) = (long(7), Some("short"));
        assert_eq!(found.iter().collect::<Vec<_>>(), [Some(&*kept), None, short, Some(&*kept)]);
        let bytes: usize = found.data_buffers().iter().map(|buffer| buffer.len()).sum();
        assert_eq!(bytes, kept.len() + "short".len());
    }
}
