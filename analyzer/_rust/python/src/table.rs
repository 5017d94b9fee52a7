//! A table on its way to Python: the Arrow PyCapsule interface, which Polars reads without a copy.

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// Record batches of one schema.
#[pyclass(module = "analyzer._core", frozen)]
pub struct Table {
    batches: Vec<RecordBatch>,
}

impl Table {
    /// None where there is no batch, for then there is no schema either.
    pub fn new(batches: Vec<RecordBatch>) -> Option<Self> {
        if batches.is_empty() { None } else { Some(Self { batches }) }
    }
}

#[pymethods]
impl Table {
    /// A new stream over the batches. The schema asked for is a wish that a producer need not grant.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = self.batches.clone();
        let schema = batches[0].schema();
        let reader = RecordBatchIterator::new(batches.into_iter().map(Ok), schema);
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }
}
