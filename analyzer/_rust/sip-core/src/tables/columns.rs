//! Column builders under the types of the contract, and the macro that names each column once.
//!
//! A value is set at its row; rows that are passed over are null (false), so that the many columns a message says nothing
//! of cost nothing. A column that nobody wants has no rows and takes no values. What several threads built in parts leaves
//! as one array: whoever gathers rows from an array in pieces has to put them together first, each time.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::builder::make_view;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray, TimestampNanosecondArray,
    UInt32Array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use arrow_select::take::take;
use foldhash::quality::RandomState;

use crate::packet::NO_TIME;
use crate::sip::fields::Line;

/// A column under construction.
pub trait Column: Sized {
    /// The type of the contract: text, int, time (ns since 1970, UTC), bool.
    const TYPE: &str;
    /// A column without rows.
    fn new() -> Self;
    fn rows(&self) -> usize;
    /// So many rows more, all null (false).
    fn grow(&mut self, rows: usize);
    /// The rows of these parts, in the order of the runs.
    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError>;
}

/// Rows that stand together in a part, by its place among the parts.
#[derive(Debug, Clone)]
pub struct Run {
    pub part: usize,
    pub rows: Range<usize>,
}

/// One bit for each row; nothing is allocated before the first is set.
struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    fn new() -> Self {
        Self { words: Vec::new(), rows: 0 }
    }

    #[inline]
    fn set(&mut self, row: usize) {
        match self.words.get_mut(row / 64) {
            Some(word) => *word |= 1 << (row % 64),
            None => self.set_first(row),
        }
    }

    #[cold]
    fn set_first(&mut self, row: usize) {
        // The first value, or the first since there are more rows.
        self.words.resize(self.rows.div_ceil(64), 0);
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    fn finish(parts: &[&Self], runs: &[Run]) -> BooleanBuffer {
        let mut all = BooleanBufferBuilder::new(runs.iter().map(|run| run.rows.len()).sum());
        let bytes: Vec<Vec<u8>> =
            parts.iter().map(|part| part.words.iter().flat_map(|word| word.to_le_bytes()).collect()).collect();
        for Run { part, rows } in runs {
            // What lies behind the last bit that was set is not there.
            let bytes = bytes.get(*part).map_or(&[][..], Vec::as_slice);
            let there = rows.end.min(bytes.len() * 8).max(rows.start);
            if there > rows.start {
                all.append_packed_range(rows.start..there, bytes);
            }
            all.append_n(rows.end - there, false);
        }
        all.finish()
    }
}

/// Values and which of them are there; nothing is allocated before the first.
struct Values<T> {
    values: Vec<T>,
    valid: Bits,
}

impl<T: Copy + Default> Values<T> {
    fn new() -> Self {
        Self { values: Vec::new(), valid: Bits::new() }
    }

    #[inline]
    fn set(&mut self, row: usize, value: T) {
        match self.values.get_mut(row) {
            Some(slot) => {
                *slot = value;
                self.valid.set(row);
            }
            None if row < self.valid.rows => self.set_first(row, value),
            // Nobody wants the column.
            None => {}
        }
    }

    #[cold]
    fn set_first(&mut self, row: usize, value: T) {
        self.values.resize(self.valid.rows, T::default());
        if let Some(slot) = self.values.get_mut(row) {
            *slot = value;
            self.valid.set(row);
        }
    }

    /// Which values are there; `None` if all are.
    fn nulls(parts: &[Self], runs: &[Run]) -> Option<NullBuffer> {
        let valid = Bits::finish(&parts.iter().map(|part| &part.valid).collect::<Vec<_>>(), runs);
        Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
    }

    /// All values and which of them are there; `None` if all are.
    fn finish(mut parts: Vec<Self>, runs: &[Run]) -> (ScalarBuffer<T>, Option<NullBuffer>)
    where
        T: ArrowNativeType,
    {
        let (nulls, count) = (Self::nulls(&parts, runs), count(runs));
        if parts.iter().all(|part| part.values.is_empty()) {
            return (zeros(count), nulls);
        }
        if let ([part], [Run { rows: Range { start: 0, .. }, .. }]) = (parts.as_mut_slice(), runs) {
            let mut values = std::mem::take(&mut part.values);
            values.resize(count, T::default());
            return (values.into(), nulls);
        }
        (Self::gathered(&parts, runs).into(), nulls)
    }

    /// The values of these rows, as they are or wider.
    fn gathered<U: From<T> + Clone + Default>(parts: &[Self], runs: &[Run]) -> Vec<U> {
        let mut values = Vec::with_capacity(count(runs));
        for Run { part, rows } in runs {
            let before = values.len();
            let known = parts.get(*part).map_or(&[][..], |part| part.values.as_slice());
            let known = known.get(rows.start..rows.end.min(known.len())).unwrap_or_default();
            values.extend(known.iter().map(|&value| U::from(value)));
            values.resize(before + rows.len(), U::default());
        }
        values
    }
}

/// The rows of all these runs.
fn count(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.rows.len()).sum()
}

/// So many values of nothing, which the columns share of which no row has a value; they are many.
fn zeros<T: ArrowNativeType>(count: usize) -> ScalarBuffer<T> {
    ScalarBuffer::new(zero_bytes(count * size_of::<T>()), 0, count)
}

fn zero_bytes(bytes: usize) -> Buffer {
    static ZEROS: Mutex<Option<Buffer>> = Mutex::new(None);
    let mut known = ZEROS.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(zeros) if bytes <= zeros.len() => zeros.clone(),
        // Aligned for any type, and never written to: the system lends such pages for nothing.
        _ => known.insert(Buffer::from_vec(vec![0_u128; bytes.div_ceil(size_of::<u128>())])).clone(),
    }
}

/// So many rows without text, which the columns share that have none: each string of an array is looked at when it is made.
fn no_text(rows: usize) -> ArrayRef {
    static NONE: Mutex<Option<StringViewArray>> = Mutex::new(None);
    let mut known = NONE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(none) if rows <= none.len() => Arc::new(none.slice(0, rows)),
        _ => Arc::new(known.insert(StringViewArray::new_null(rows)).clone()),
    }
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

/// Text that stands in a line of messages; where the line was met before, the line says which it is. What two lines say is
/// there twice.
pub struct LineText(Text);

/// Addresses as text.
pub struct Address(Text);

/// Nullable 64-bit integer.
pub struct Int(Values<i64>);

/// Nullable integer of no more than 32 bits, which takes half the memory until it is finished.
pub struct Small(Values<u32>);

/// Nanoseconds since 1970, UTC.
pub struct Time(Values<i64>);

/// Never null; false where nothing was set.
pub struct Bool(Bits);

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
        let number = self.append(bytes);
        if let Some(slot) = self.recent.get_mut(hash as usize % RECENT) {
            *slot = Recent { hash: halves(hash), number: number + 1 };
        }
        number
    }

    /// Keeps a string, and gives its number.
    fn append(&mut self, bytes: &[u8]) -> u32 {
        let start = self.buffer.len();
        if bytes.is_ascii() {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.buffer.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes());
        }
        self.strings.push((start as u32, (self.buffer.len() - start) as u32));
        // A part holds a GiB of messages at most, so neither number nor place comes near 2^32.
        self.strings.len() as u32 - 1
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
            let number = text.append(bytes);
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
            let hash = text.hasher.hash_one(address);
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

impl Int {
    #[inline]
    pub fn set(&mut self, row: usize, value: Option<impl Into<i64>>) {
        if let Some(value) = value {
            self.0.set(row, value.into());
        }
    }
}

impl Column for Int {
    const TYPE: &str = "int";

    fn new() -> Self {
        Self(Values::new())
    }

    fn rows(&self) -> usize {
        self.0.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let (values, nulls) = Values::finish(parts.into_iter().map(|part| part.0).collect(), runs);
        Ok(Arc::new(Int64Array::try_new(values, nulls)?))
    }
}

impl Small {
    #[inline]
    pub fn set(&mut self, row: usize, value: Option<impl Into<u32>>) {
        if let Some(value) = value {
            self.0.set(row, value.into());
        }
    }
}

impl Column for Small {
    const TYPE: &str = Int::TYPE;

    fn new() -> Self {
        Self(Values::new())
    }

    fn rows(&self) -> usize {
        self.0.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let parts: Vec<Values<u32>> = parts.into_iter().map(|part| part.0).collect();
        let nulls = Values::nulls(&parts, runs);
        let values = match parts.iter().all(|part| part.values.is_empty()) {
            true => zeros(count(runs)),
            false => Values::gathered(&parts, runs).into(),
        };
        Ok(Arc::new(Int64Array::try_new(values, nulls)?))
    }
}

impl Time {
    #[inline]
    pub fn set(&mut self, row: usize, time: i64) {
        if time != NO_TIME {
            self.0.set(row, time);
        }
    }
}

impl Column for Time {
    const TYPE: &str = "time";

    fn new() -> Self {
        Self(Values::new())
    }

    fn rows(&self) -> usize {
        self.0.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let (values, nulls) = Values::finish(parts.into_iter().map(|part| part.0).collect(), runs);
        Ok(Arc::new(TimestampNanosecondArray::try_new(values, nulls)?.with_timezone("UTC")))
    }
}

impl Bool {
    #[inline]
    pub fn set(&mut self, row: usize, value: bool) {
        if value {
            self.0.set(row);
        }
    }
}

impl Column for Bool {
    const TYPE: &str = "bool";

    fn new() -> Self {
        Self(Bits::new())
    }

    fn rows(&self) -> usize {
        self.0.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let parts: Vec<&Bits> = parts.iter().map(|part| &part.0).collect();
        Ok(Arc::new(BooleanArray::new(Bits::finish(&parts, runs), None)))
    }
}

/// Which columns are wanted.
#[derive(Debug, Clone, Default)]
pub enum Wanted {
    #[default]
    All,
    These(Vec<String>),
}

impl Wanted {
    pub fn has(&self, name: &str) -> bool {
        match self {
            Wanted::All => true,
            Wanted::These(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// A table under construction. Each column has its name and, beside it, what a row puts in it:
///
/// ```text
/// columns! {
///     struct Columns of |it: &Row<'_>| {
///         call_id: Text = "call_id" => it.fields.call_id,
///     }
/// }
/// ```
macro_rules! columns {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident of |$it:ident: $row:ty| {
        $($(#[$note:meta])* $field:ident: $kind:ident = $text:literal => $value:expr),+ $(,)?
    }) => {
        $(#[$doc])*
        $visibility struct $name { $($field: $crate::tables::columns::$kind),+ }

        impl $name {
            /// Names and types, in order.
            pub const COLUMNS: &[(&str, &str)] =
                &[$(($text, <$crate::tables::columns::$kind as $crate::tables::columns::Column>::TYPE)),+];

            pub fn new(rows: usize, wanted: &$crate::tables::columns::Wanted) -> Self {
                use $crate::tables::columns::Column;
                let mut columns = Self { $($field: Column::new()),+ };
                columns.grow(rows, wanted);
                columns
            }

            /// Fills in a row.
            #[inline]
            pub fn set(&mut self, row: usize, $it: $row) {
                $(self.$field.set(row, $value);)+
            }

            /// So many rows more.
            pub fn grow(&mut self, rows: usize, wanted: &$crate::tables::columns::Wanted) {
                use $crate::tables::columns::Column;
                $(if wanted.has($text) {
                    self.$field.grow(rows);
                })+
            }

            /// The columns that are wanted, by name, in order.
            pub fn finish(
                mut self,
                wanted: &$crate::tables::columns::Wanted,
            ) -> Result<$crate::tables::columns::Named, arrow_schema::ArrowError> {
                use $crate::tables::columns::{Column, Run};
                let rows = [$(self.$field.rows()),+].into_iter().fold(0, usize::max);
                let runs = [Run { part: 0, rows: 0..rows }];
                let columns = Self::joined(std::slice::from_mut(&mut self), &runs, wanted);
                columns.into_iter().map(|(name, finish)| Ok((name, finish()?))).collect()
            }

            /// The columns that are wanted, with the rows of these parts in the order of the runs, and yet to be made.
            pub fn joined<'a>(
                parts: &mut [Self],
                runs: &'a [$crate::tables::columns::Run],
                wanted: &$crate::tables::columns::Wanted,
            ) -> $crate::tables::columns::Unfinished<'a> {
                use $crate::tables::columns::Column;
                let mut columns: $crate::tables::columns::Unfinished<'a> = Vec::new();
                $(if wanted.has($text) {
                    let parts: Vec<$crate::tables::columns::$kind> =
                        parts.iter_mut().map(|part| std::mem::replace(&mut part.$field, Column::new())).collect();
                    columns.push(($text, Box::new(move || Column::finish(parts, runs))));
                })+
                columns
            }
        }
    };
}
pub(crate) use columns;

/// Columns with their names, in order.
pub type Named = Vec<(&'static str, ArrayRef)>;

/// Columns that are yet to be made of their parts.
pub type Unfinished<'a> = Vec<(&'static str, Box<dyn FnOnce() -> Result<ArrayRef, ArrowError> + Send + 'a>)>;

/// Makes columns, on so many threads, their rows in the `order` given. The parts of each are freed as it is made.
pub fn finished(columns: Unfinished<'_>, order: Option<&UInt32Array>, threads: usize) -> Result<Named, ArrowError> {
    let waiting = Mutex::new(columns.into_iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, (name, finish))) = next else { return Ok(done) };
            let array = finish()?;
            let array = order.map_or(Ok(Arc::clone(&array)), |order| take(&array, order, None))?;
            done.push((place, (name, array)));
        }
    };
    let mut found = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found: Result<Vec<_>, ArrowError> = work();
        for other in others {
            let theirs = other.join().unwrap_or_else(|panic| resume_unwind(panic));
            found = found.and_then(|mut found| {
                found.extend(theirs?);
                Ok(found)
            });
        }
        found
    })?;
    found.sort_unstable_by_key(|&(place, _)| place);
    Ok(found.into_iter().map(|(_, column)| column).collect())
}

/// Hashes leave the core in the 63 bits of a key column.
#[inline]
pub fn key(hash: u64) -> i64 {
    (hash >> 1) as i64
}

/// A record batch from named columns.
pub fn record_batch(columns: Named) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays: Vec<ArrayRef> = columns.into_iter().map(|(_, array)| array).collect();
    // Nobody may want any column; then there are no rows either.
    let rows = RecordBatchOptions::new().with_row_count(Some(arrays.first().map_or(0, |array| array.len())));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;

    use super::*;

    columns! {
        struct Sample of |it: &(Option<i64>, Option<&'static str>, bool)| {
            number: Int = "number" => it.0,
            text: Text = "text" => it.1,
            sure: Bool = "sure" => it.2,
            never: Text = "never" => None::<&str>,
        }
    }

    /// Row n of a table: every third has no number, every fifth no text, every seventh is sure; texts repeat.
    fn row(n: usize) -> (Option<i64>, Option<&'static str>, bool) {
        const TEXTS: [&str; 4] = ["INVITE", "a text of more than twelve bytes", "BYE", "another one that is not short"];
        let every = |times| n.is_multiple_of(times);
        ((!every(3)).then_some(n as i64), (!every(5)).then_some(TEXTS[n % 4]), every(7))
    }

    /// The rows from `rows` on, as batches of parts: each run is filled as a parser fills it.
    fn parts(runs: &[Run], count: usize) -> Vec<Sample> {
        let mut parts: Vec<Sample> = (0..count).map(|_| Sample::new(0, &Wanted::All)).collect();
        let mut by_start: Vec<(usize, &Run)> = Vec::new();
        let mut n = 0;
        for run in runs {
            by_start.push((n, run));
            n += run.rows.len();
        }
        // A part gets its rows in its own order, whatever the order of the runs.
        by_start.sort_by_key(|(_, run)| run.rows.start);
        for (n, run) in by_start {
            let part = &mut parts[run.part];
            part.grow(run.rows.len(), &Wanted::All);
            for (above, place) in run.rows.clone().enumerate() {
                part.set(place, &row(n + above));
            }
        }
        parts
    }

    fn assert_rows(columns: &Named, numbers: impl Iterator<Item = usize>) {
        let column = |name: &str| Arc::clone(&columns.iter().find(|(known, _)| *known == name).expect(name).1);
        let (numbers_of, texts, sure, never) = (column("number"), column("text"), column("sure"), column("never"));
        let mut count = 0;
        for (place, n) in numbers.enumerate() {
            let expected = row(n);
            let number = numbers_of.as_primitive::<Int64Type>();
            assert_eq!((!numbers_of.is_null(place)).then(|| number.value(place)), expected.0, "row {n}");
            let text = texts.as_string_view();
            assert_eq!((!texts.is_null(place)).then(|| text.value(place)), expected.1, "row {n}");
            assert_eq!(sure.as_boolean().value(place), expected.2, "row {n}");
            assert!(never.is_null(place));
            count += 1;
        }
        assert!(columns.iter().all(|(_, array)| array.len() == count));
    }

    #[test]
    fn rows_of_several_parts_stand_in_the_order_of_the_runs() {
        let run = |part, rows| Run { part, rows };
        // Two parsers take turns, and neither begins at a byte of its bits.
        let runs = [run(0, 0..13), run(1, 0..70), run(1, 70..71), run(0, 13..100), run(1, 71..90), run(0, 100..100)];
        for threads in [1, 2, 5] {
            let columns = finished(Sample::joined(&mut parts(&runs, 2), &runs, &Wanted::All), None, threads);
            assert_rows(&columns.expect("columns"), 0..190);
        }
    }

    #[test]
    fn an_order_is_that_of_the_rows() {
        let runs = [Run { part: 0, rows: 0..40 }];
        let order: UInt32Array = (0..40).rev().collect();
        let columns = finished(Sample::joined(&mut parts(&runs, 1), &runs, &Wanted::All), Some(&order), 1);
        assert_rows(&columns.expect("columns"), (0..40).rev());
    }

    #[test]
    fn a_table_of_one_part_has_what_was_set_and_nothing_unwanted() {
        let wanted = Wanted::These(vec!["number".to_owned()]);
        for (wanted, names) in [(Wanted::All, Sample::COLUMNS), (wanted, &[("number", "int")][..])] {
            let mut table = Sample::new(9, &wanted);
            (0..9).for_each(|n| table.set(n, &row(n)));
            let columns = table.finish(&wanted).expect("columns");
            assert!(columns.iter().map(|(name, _)| *name).eq(names.iter().map(|(name, _)| *name)));
            if names.len() > 1 {
                assert_rows(&columns, 0..9);
            }
        }
    }

    #[test]
    fn columns_without_rows_have_their_types() {
        let columns = finished(Sample::joined(&mut [], &[], &Wanted::All), None, 2).expect("columns");
        assert_rows(&columns, 0..0);
        assert_eq!(columns.len(), 4);
    }
}
