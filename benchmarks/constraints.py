"""What constraints cost: rows of every type, with each constraint that its type allows, beside the same rows without:
`python -m benchmarks.constraints [ROWS]`.

In one process, without HTTP and database: the part of a load that constraints are a part of. CPU seconds, in turn.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from catalog import rules
from catalog.conformance import Destination, conform
from catalog.formats import CSVText
from catalog.schema import Schema
from catalog.sources import JSONLines

REQUIRED: dict[str, Any] = {"required": True}
ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "id", "type": "integer", "constraints": {**REQUIRED, "minimum": 0, "multipleOf": 1}},
    {
        "name": "name",
        "type": "string",
        "constraints": {**REQUIRED, "pattern": "customer [0-9]+", "minLength": 3, "maxLength": 40},
    },
    {"name": "mail", "type": "string", "format": "email", "constraints": {**REQUIRED, "maxLength": 60}},
    {"name": "link", "type": "string", "format": "uri", "constraints": {**REQUIRED, "minLength": 8}},
    {"name": "colour", "type": "string", "categories": ["red", "green", "blue"], "constraints": REQUIRED},
    {
        "name": "quantity",
        "type": "integer",
        "constraints": {"enum": list(range(7)), "exclusiveMinimum": -1, "exclusiveMaximum": 7, "maximum": 6},
    },
    {"name": "amount", "type": "number", "constraints": {"minimum": 0, "exclusiveMaximum": 1_000_000}},
    {
        "name": "price",
        "type": "number",
        "precision": 12,
        "scale": 2,
        "constraints": {**REQUIRED, "minimum": 0, "maximum": 1_000_000, "multipleOf": 0.01},
    },
    {"name": "active", "type": "boolean", "constraints": {**REQUIRED, "enum": [True, False]}},
    {"name": "day", "type": "date", "constraints": {"minimum": "2020-01-01", "maximum": "2030-01-01"}},
    {"name": "hour", "type": "time", "constraints": {"minimum": "00:00:00", "exclusiveMaximum": "23:59:59"}},
    {"name": "moment", "type": "datetime", "constraints": {"exclusiveMinimum": "2019-12-31T00:00:00"}},
    {"name": "year", "type": "year", "constraints": {"minimum": 1900, "maximum": 2100}},
    {"name": "month", "type": "yearmonth", "constraints": {"minimum": "1900-01", "maximum": "2100-12"}},
    {"name": "span", "type": "duration", "constraints": {**REQUIRED, "minimum": "PT0S", "maximum": "P1D"}},
    {"name": "tags", "type": "array", "constraints": {**REQUIRED, "minLength": 1, "maxLength": 9}},
]
GENERATED = """SELECT i AS id, 'customer ' || (i % 1000) AS name, 'c' || i || '@example.org' AS mail,
'https://example.org/' || i AS link, ['red', 'green', 'blue'][i % 3 + 1] AS colour, i % 7 AS quantity,
(i * 7919 % 1000003) / 100.0::DOUBLE AS amount, CAST(i % 99999 / 100 AS DECIMAL(12, 2)) AS price, i % 2 = 0 AS active,
DATE '2020-01-01' + (i % 1000)::INTEGER AS day, TIME '00:00:00' + to_seconds(i % 86000) AS hour,
strftime(TIMESTAMP '2020-01-01' + to_seconds(i), '%Y-%m-%dT%H:%M:%S') AS moment, 1900 + i % 200 AS year,
strftime(DATE '2020-01-01' + (i % 1000)::INTEGER, '%Y-%m') AS month, 'PT' || i % 3600 || 'S' AS span,
{tags} AS tags FROM range({rows}) AS numbers(i)"""
ROUNDS = 3


def schema(is_constrained: bool) -> Schema:
    """The Object, with its constraints or without."""
    left_out = set() if is_constrained else {"constraints", "format", "categories"}
    attributes = [{name: value for name, value in each.items() if name not in left_out} for each in ATTRIBUTES]
    definition = {"attributes": attributes, "primaryKey": ["id"]}
    problems = rules.check_definition(definition)
    if problems:
        raise RuntimeError(f"The Object is not sound: {problems}")
    return Schema.from_definition(rules.normalised(definition))


def load(path: Path, shape: Schema) -> float:
    """CPU seconds to check the rows of a file and write their Parts."""
    with tempfile.TemporaryDirectory(prefix="exemplar-benchmark-") as name, path.open("rb") as stream:
        directory = Path(name)
        source = CSVText(stream, directory) if path.suffix == ".csv" else JSONLines(stream, directory)
        started = time.process_time()
        conformed = conform(source, shape, Destination(directory), 2)
        taken = time.process_time() - started
        if conformed.report:
            raise RuntimeError(f"The rows do not conform: {conformed.report.errors[:3]}")
        return taken


def main() -> None:
    row_count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="exemplar-benchmark-") as name:
        for suffix, form, tags in (("ndjson", "json", "['a', 'b']"), ("csv", "csv, HEADER", """'["a", "b"]'""")):
            path = Path(name) / f"rows.{suffix}"
            duckdb.sql(f"COPY ({GENERATED.format(rows=row_count, tags=tags)}) TO '{path}' (FORMAT {form})")
            plain, strict = schema(False), schema(True)
            rounds = [(load(path, plain), load(path, strict)) for _ in range(ROUNDS)]
            without, with_all = (median(column) for column in zip(*rounds, strict=True))
            ratio = median(after / before for before, after in rounds)
            print(f"{row_count:,} rows of {suffix}, {len(ATTRIBUTES)} attributes of every type:")
            print(f"  CPU without constraints {without:6.2f} s, with all {with_all:6.2f} s: {ratio:.2f} times")


if __name__ == "__main__":
    main()
