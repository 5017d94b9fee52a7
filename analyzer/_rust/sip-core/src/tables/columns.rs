//! Column builders under the types of the contract, and the macro that names each column once.
//!
//! A value is set at its row; rows that are passed over are null (false), so that the many columns a message says nothing
//! of cost nothing. A column that nobody wants has no rows and takes no values.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::make_view;
use arrow_array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray, TimestampNanosecondArray,
    UInt32Array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use arrow_select::take::take;

use crate::hash;
use crate::observation::Batch;
use crate::packet::NO_TIME;

/// A column under construction.
pub trait Column: Sized {
    /// The type of the contract: text, int, time (ns since 1970, UTC), bool.
    const TYPE: &str;
    /// A column of so many rows, all null (false).
    fn new(rows: usize) -> Self;
    fn finish(self) -> Result<ArrayRef, ArrowError>;
}

/// One bit for each row; nothing is allocated before the first is set.
struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    fn new(rows: usize) -> Self {
        Self { words: Vec::new(), rows }
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
        self.words.resize(self.rows.div_ceil(64), 0);
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    fn finish(mut self) -> BooleanBuffer {
        self.words.resize(self.rows.div_ceil(64), 0);
        BooleanBuffer::new(Buffer::from_vec(self.words), 0, self.rows)
    }

    fn finish_nulls(self) -> Option<NullBuffer> {
        Some(NullBuffer::new(self.finish())).filter(|nulls| nulls.null_count() > 0)
    }
}

/// Values and which of them are there; nothing is allocated before the first.
struct Values<T> {
    values: Vec<T>,
    valid: Bits,
}

impl<T: Copy + Default> Values<T> {
    fn new(rows: usize) -> Self {
        Self { values: Vec::new(), valid: Bits::new(rows) }
    }

    #[inline]
    fn set(&mut self, row: usize, value: T) {
        match self.values.get_mut(row) {
            Some(slot) => {
                *slot = value;
                self.valid.set(row);
            }
            None => self.set_first(row, value),
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

    fn finish(mut self) -> (ScalarBuffer<T>, Option<NullBuffer>)
    where
        T: ArrowNativeType,
    {
        let rows = self.valid.rows;
        let values = match zeros(rows * size_of::<T>()) {
            Some(zeros) if self.values.is_empty() => ScalarBuffer::new(zeros, 0, rows),
            _ => {
                self.values.resize(rows, T::default());
                self.values.into()
            }
        };
        (values, self.valid.finish_nulls())
    }
}

/// What the columns of a batch of which no row has a value share; they are many.
static ZEROS: LazyLock<Buffer> = LazyLock::new(|| Buffer::from_vec(vec![0_u128; Batch::MESSAGES]));

/// So many bytes of nothing, where there are so many.
fn zeros(bytes: usize) -> Option<Buffer> {
    (bytes <= ZEROS.len()).then(|| ZEROS.clone())
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
    /// By hash: the number of a recent string, and one. Small, so that those of all columns stay in the cache.
    recent: Vec<u32>,
}

/// Nullable 64-bit integer.
pub struct Int(Values<i64>);

/// Nanoseconds since 1970, UTC.
pub struct Time(Values<i64>);

/// Never null; false where nothing was set.
pub struct Bool(Bits);

/// Strings remembered by a text column; the calls alive at one time are some hundred.
const RECENT: usize = 1024;

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
        if self.recent.is_empty() {
            self.recent = vec![0; RECENT];
        }
        let place = hash::bytes(bytes) as usize % RECENT;
        let recent = self.recent.get(place).copied().unwrap_or(0);
        if recent > 0 && self.string(recent - 1) == Some(bytes) {
            return recent - 1;
        }
        if let Some(slot) = self.recent.get_mut(place) {
            // A batch holds some MiB of messages, so neither number nor place comes near 2^32.
            *slot = self.strings.len() as u32 + 1;
        }
        let text = String::from_utf8_lossy(bytes);
        self.strings.push((self.buffer.len() as u32, text.len() as u32));
        self.buffer.extend_from_slice(text.as_bytes());
        self.strings.len() as u32 - 1
    }

    fn string(&self, number: u32) -> Option<&[u8]> {
        let &(offset, length) = self.strings.get(number as usize)?;
        self.buffer.get(offset as usize..offset as usize + length as usize)
    }
}

impl Column for Text {
    const TYPE: &str = "text";

    fn new(rows: usize) -> Self {
        Self { rows: Values::new(rows), strings: Vec::new(), buffer: Vec::new(), recent: Vec::new() }
    }

    fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let views: Vec<u128> = (0..self.strings.len() as u32)
            .map(|number| {
                let offset = self.strings.get(number as usize).map_or(0, |&(offset, _)| offset);
                make_view(self.string(number).unwrap_or_default(), 0, offset)
            })
            .collect();
        self.buffer.shrink_to_fit();
        let (rows, nulls) = self.rows.finish();
        if let (true, Some(zeros)) = (self.strings.is_empty(), zeros(rows.len() * size_of::<u128>())) {
            let views = ScalarBuffer::new(zeros, 0, rows.len());
            return Ok(Arc::new(StringViewArray::try_new(views, Vec::new(), nulls)?));
        }
        let strings = StringViewArray::try_new(views.into(), vec![Buffer::from_vec(self.buffer)], None)?;
        take(&strings, &UInt32Array::try_new(rows, nulls)?, None)
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

    fn new(rows: usize) -> Self {
        Self(Values::new(rows))
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let (values, nulls) = self.0.finish();
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

    fn new(rows: usize) -> Self {
        Self(Values::new(rows))
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let (values, nulls) = self.0.finish();
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

    fn new(rows: usize) -> Self {
        Self(Bits::new(rows))
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(BooleanArray::new(self.0.finish(), None)))
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
                let rows = |name: &str| if wanted.has(name) { rows } else { 0 };
                Self { $($field: $crate::tables::columns::$kind::new(rows($text))),+ }
            }

            /// Fills in a row.
            #[inline]
            pub fn set(&mut self, row: usize, $it: $row) {
                $(self.$field.set(row, $value);)+
            }

            /// The columns that are wanted, by name, in order.
            pub fn finish(
                self,
                wanted: &$crate::tables::columns::Wanted,
            ) -> Result<$crate::tables::columns::Named, arrow_schema::ArrowError> {
                use $crate::tables::columns::Column;
                let mut columns = Vec::new();
                $(if wanted.has($text) {
                    columns.push(($text, self.$field.finish()?));
                })+
                Ok(columns)
            }
        }
    };
}
pub(crate) use columns;

/// Columns with their names, in order.
pub type Named = Vec<(&'static str, ArrayRef)>;

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
