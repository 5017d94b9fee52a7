//! Tables of columns: the macro that names each column once, and record batches.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{ArrowError, Field, Schema};
use arrow_select::take::take;

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
                self,
                wanted: &$crate::tables::columns::Wanted,
            ) -> Result<$crate::tables::columns::Named, arrow_schema::ArrowError> {
                use $crate::tables::columns::Column;
                let rows = [$(self.$field.rows()),+].into_iter().fold(0, usize::max);
                self.first(rows, wanted)
            }

            /// The same with so many rows, where there is room for more.
            pub fn first(
                mut self,
                rows: usize,
                wanted: &$crate::tables::columns::Wanted,
            ) -> Result<$crate::tables::columns::Named, arrow_schema::ArrowError> {
                use $crate::tables::columns::Run;
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
    use crate::tables::columns::{Run, Wanted};

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
