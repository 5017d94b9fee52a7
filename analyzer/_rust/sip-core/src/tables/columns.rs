//! Column builders under the types of the contract, and the macro that names each column once.

use arrow_array::builder::{BooleanBuilder, Int64Builder, StringViewBuilder, TimestampNanosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use std::sync::Arc;

use crate::packet::NO_TIME;

/// A builder of one column of a contract type.
pub trait Column {
    fn new() -> Self;
    fn data_type() -> DataType;
    fn finish(&mut self) -> ArrayRef;
}

/// Text: views into shared blocks, each distinct string of a batch stored once.
pub struct Text(StringViewBuilder);

/// Nullable 64-bit integer.
pub struct Int(Int64Builder);

/// Nanoseconds since 1970, UTC.
pub struct Time(TimestampNanosecondBuilder);

/// Never null.
pub struct Bool(BooleanBuilder);

impl Text {
    pub fn push(&mut self, value: Option<&str>) {
        self.0.append_option(value);
    }

    /// Bytes from the wire: null if absent or empty; what is not UTF-8 becomes U+FFFD.
    pub fn push_bytes(&mut self, value: Option<&[u8]>) {
        match value {
            Some(bytes) if !bytes.is_empty() => match std::str::from_utf8(bytes) {
                Ok(text) => self.0.append_value(text),
                Err(_) => self.0.append_value(String::from_utf8_lossy(bytes)),
            },
            _ => self.0.append_null(),
        }
    }
}

impl Int {
    pub fn push(&mut self, value: Option<i64>) {
        self.0.append_option(value);
    }
}

impl Time {
    pub fn push(&mut self, time: i64) {
        self.0.append_option((time != NO_TIME).then_some(time));
    }
}

impl Bool {
    pub fn push(&mut self, value: bool) {
        self.0.append_value(value);
    }
}

impl Column for Text {
    fn new() -> Self {
        Self(StringViewBuilder::new().with_deduplicate_strings())
    }
    fn data_type() -> DataType {
        DataType::Utf8View
    }
    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

impl Column for Int {
    fn new() -> Self {
        Self(Int64Builder::new())
    }
    fn data_type() -> DataType {
        DataType::Int64
    }
    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

impl Column for Time {
    fn new() -> Self {
        Self(TimestampNanosecondBuilder::new().with_data_type(Self::data_type()))
    }
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
    }
    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

impl Column for Bool {
    fn new() -> Self {
        Self(BooleanBuilder::new())
    }
    fn data_type() -> DataType {
        DataType::Boolean
    }
    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// A table under construction: `columns! { struct Name { field: Kind = "column", ... } }`.
macro_rules! columns {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident { $($field:ident: $kind:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        $visibility struct $name { $(pub $field: $crate::tables::columns::$kind),+ }

        impl $name {
            pub fn new() -> Self {
                use $crate::tables::columns::Column;
                Self { $($field: $crate::tables::columns::$kind::new()),+ }
            }

            /// The columns by name, in order.
            pub fn finish(&mut self) -> Vec<(&'static str, arrow_array::ArrayRef)> {
                use $crate::tables::columns::Column;
                vec![$(($text, self.$field.finish())),+]
            }
        }
    };
}
pub(crate) use columns;

/// A record batch from named columns.
pub fn record_batch(columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect())
}
