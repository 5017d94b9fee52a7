"""The catalogue: one entry for each table.

A module for each family of tables. Commands with their help, filters, views, sections of the report, masks and the
reference page ``docs/tables.md`` follow from the entries; the core's output and every stage are compared with them in
the tests. To add a table, add its entry to a family; nothing here names tables. The package imports nothing heavy:
``--help`` rests on it.

A column has one of these types; what a user of pandas and of Polars receives for each:

========  =========================  ====================  =====================================================
type      pandas                     Polars                meaning
========  =========================  ====================  =====================================================
key       Int64                      Int64                 63-bit hash, stable over files, order, threads, windows
int       Int64                      Int64                 null where missing, never 0 in its place
time      datetime64[ns, UTC]        Datetime(ns, UTC)     capture time
duration  float64 (NaN = missing)    Float64               seconds
share     float64 (NaN = undefined)  Float64               0 to 1
number    float64 (NaN = undefined)  Float64               in the unit that the row names
bool      bool                       Boolean               never null
text      str                        String                as sent; bad UTF-8 is U+FFFD
texts     object (list of str)       List(String)          joined by a space in CSV
========  =========================  ====================  =====================================================
"""

from __future__ import annotations

from analyzer.schema.capture import *  # noqa: F403
from analyzer.schema.catalogue import ASKED as ASKED
from analyzer.schema.catalogue import MEASURES as MEASURES
from analyzer.schema.catalogue import TABLES as TABLES
from analyzer.schema.catalogue import find as find
from analyzer.schema.catalogue import keys as keys
from analyzer.schema.column import Column as Column
from analyzer.schema.column import Header as Header
from analyzer.schema.column import MaskClass as MaskClass
from analyzer.schema.column import Type as Type
from analyzer.schema.companion import *  # noqa: F403
from analyzer.schema.core import *  # noqa: F403
from analyzer.schema.diagnosis import *  # noqa: F403
from analyzer.schema.ims import *  # noqa: F403
from analyzer.schema.media import *  # noqa: F403
from analyzer.schema.services import *  # noqa: F403
from analyzer.schema.setups import *  # noqa: F403
from analyzer.schema.sip import *  # noqa: F403
from analyzer.schema.table import KEYS as KEYS
from analyzer.schema.table import Measure as Measure
from analyzer.schema.table import Scope as Scope
from analyzer.schema.table import Table as Table
