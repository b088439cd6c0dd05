"""Comparison of two tables: expected and actual in, a frozen TableDiff out. Pure: DuckDB, no Django.

One engine serves expected against actual, version against version, run against run. Rows are only ever handled as sets,
in DuckDB; Python sees those that are listed, and the few whose assignment is no set operation.
"""

from catalog.comparison.diff import AttributeHistogram, RowDiff, ShapeDiff, TableDiff, TypeMismatch
from catalog.comparison.engine import compare
from catalog.comparison.options import ComparisonOptions, OptionError, Tolerance, parse_options
from catalog.comparison.shape import Relation

__all__ = [
    "AttributeHistogram",
    "ComparisonOptions",
    "OptionError",
    "Relation",
    "RowDiff",
    "ShapeDiff",
    "TableDiff",
    "Tolerance",
    "TypeMismatch",
    "compare",
    "parse_options",
]
