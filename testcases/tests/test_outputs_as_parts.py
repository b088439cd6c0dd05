"""Outputs that a child writes as Parts: taken unread where their digest is the expected one, and else checked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from catalog.conformance import Destination
from catalog.models import ObjectSchema, TableVersion
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from processes.execution import ExecutionRequest, Executor, Limits, Outcome
from testcases import judging
from testcases.judging import Judgement, judge
from testcases.runs import bound_versions
from testcases.trials import Trial, WantedOutput

pytestmark = pytest.mark.django_db

ATTRIBUTES = [
    {"name": "id", "type": "integer"},
    {"name": "name", "type": "string"},
    {"name": "price", "type": "number", "precision": 9, "scale": 2},
    {"name": "ratio", "type": "number"},
    {"name": "at", "type": "datetime", "timezone": True},
    {"name": "day", "type": "date"},
    {"name": "is_new", "type": "boolean"},
]
ROWS = [
    {"id": 1, "name": "ann", "price": "1.10", "ratio": 0.5, "at": "2024-01-01T10:00:00Z", "day": "2024-01-01"},
    {"id": 2, "name": None, "price": "2.00", "ratio": -1, "at": None, "is_new": True},
]
QUERY = """
    SELECT true AS is_new, NULL::DATE AS day, NULL::TIMESTAMPTZ AS at, -1::DOUBLE AS ratio, 2::HUGEINT AS id,
        2::DECIMAL(20, 1) AS price, NULL::VARCHAR AS name"""
EXACT = f"""
    SELECT NULL AS is_new, DATE '2024-01-01' AS day, TIMESTAMPTZ '2024-01-01 10:00:00+00' AS at, 0.5::DOUBLE AS ratio,
        1::HUGEINT AS id, 1.1::DECIMAL(20, 1) AS price, 'ann' AS name
    UNION ALL {QUERY}"""


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(Limits(wall_seconds=20), isolation="none") as executor:
        yield executor


@pytest.fixture
def shape() -> ObjectSchema:
    return ObjectSchemaFactory.create(definition={"attributes": ATTRIBUTES, "primaryKey": ["id"]})


def trial(shape: ObjectSchema, query: str) -> Trial:
    """A case of one query that is expected to give ROWS."""
    table = TableFactory.create(object=shape, rows=ROWS)
    bound = bound_versions(TableVersion.objects.filter(table=table))[table.pk]
    wanted = WantedOutput("out", bound.schema, bound)
    request = ExecutionRequest(
        "sql",
        {"out": query},
        {},
        ("out",),
        output_types={"out": bound.schema.columns},
        part_versions={"out": bound.number},
    )
    return Trial(request, (wanted,), digests=bound.digests)


def answering(outcome: Outcome) -> Any:
    """An Executor with a child that was taken over, and answers this."""
    return SimpleNamespace(execute=lambda request: outcome)


def told(judgement: Judgement) -> tuple[str, str]:
    return str(judgement.verdict), str(judgement.reason)


def test_the_expected_rows_in_their_order_are_the_expected_part(
    executor: Executor, shape: ObjectSchema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unasked(*arguments: Any) -> Any:
        raise AssertionError("the output is read")

    monkeypatch.setattr(judging, "conform_with_keys", unasked)
    wanted = trial(shape, EXACT)
    judgement = judge(wanted, executor, Destination(tmp_path))
    assert told(judgement) == ("passed", "")
    (output,) = judgement.outputs
    assert [part.digest for part in output.conformed.parts] == list(wanted.digests)
    assert output.conformed.parts[0].path.parent == tmp_path
    assert (output.conformed.row_count, output.diff.counts["matched"] if output.diff else 0) == (2, 2)


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        (f"FROM ({EXACT}) ORDER BY id DESC", ("passed", "")),  # other bytes
        (f"SELECT * REPLACE (CAST(id AS DOUBLE) AS id) FROM ({EXACT})", ("passed", "")),  # no cast that can't lose
        (f"SELECT * REPLACE (price + 1 AS price) FROM ({EXACT})", ("failed", "mismatch")),
        (f"SELECT * REPLACE (1 AS id) FROM ({EXACT})", ("failed", "invalid_output")),  # the key stands twice
        (f"SELECT * REPLACE (id * 10000000000000000000 AS id) FROM ({EXACT})", ("failed", "invalid_output")),
        (f"SELECT * REPLACE (price * 100000000 AS price) FROM ({EXACT})", ("failed", "invalid_output")),
        (f"SELECT * REPLACE ('x' AS day) FROM ({EXACT})", ("failed", "invalid_output")),
        (f"SELECT *, 1 AS more FROM ({EXACT})", ("failed", "invalid_output")),
        (f"SELECT * EXCLUDE (day) FROM ({EXACT})", ("failed", "invalid_output")),
        ("SELECT CAST('x' AS INTEGER) AS id", ("error", "execution_error")),
        (f"SELECT * REPLACE (CAST(name AS INTEGER) AS id) FROM ({EXACT})", ("error", "execution_error")),
        (f"FROM ({EXACT}) LIMIT 0", ("failed", "mismatch")),
    ],
)
def test_whatever_else_comes_out_is_judged_as_ever(
    executor: Executor, shape: ObjectSchema, tmp_path: Path, query: str, verdict: tuple[str, str]
) -> None:
    wanted = trial(shape, query)
    plain = replace(wanted, request=replace(wanted.request, part_versions={}))
    judgements = [judge(each, executor, Destination(tmp_path, prefix=str(each is plain))) for each in (wanted, plain)]
    assert [told(each) for each in judgements] == [verdict, verdict]
    assert judgements[0].message == judgements[1].message
    assert judgements[0].errors == judgements[1].errors


def test_a_child_that_says_it_wrote_a_part_is_not_believed(
    executor: Executor, shape: ObjectSchema, tmp_path: Path
) -> None:
    wanted = trial(shape, EXACT)
    outcome = executor.execute(replace(wanted.request, part_versions={}))
    output = replace(outcome.outputs["out"], path=tmp_path / "said.parquet", is_part=True)
    lie = f"SELECT * REPLACE (id + 5 AS id), 99 AS _id, 9 AS _version FROM '{outcome.outputs['out'].path}'"
    duckdb.connect().execute(f"COPY ({lie}) TO '{output.path}' (FORMAT parquet)")
    judgement = judge(wanted, answering(replace(outcome, outputs={"out": output})), Destination(tmp_path))
    assert told(judgement) == ("failed", "mismatch")
    (part,) = judgement.outputs[0].conformed.parts
    numbers = duckdb.connect().execute(f"SELECT id, _id, _version FROM '{part.path}' ORDER BY _id").fetchall()
    assert numbers == [(6, 1, 1), (7, 2, 1)]


@pytest.mark.parametrize("content", ["FROM range(3)", "SELECT 7 AS id", "garbage", ""])
def test_a_file_that_is_not_what_its_child_says_is_a_verdict_and_the_run_goes_on(
    executor: Executor, shape: ObjectSchema, tmp_path: Path, content: str
) -> None:
    wanted = trial(shape, EXACT)
    outcome = executor.execute(wanted.request)
    output = replace(outcome.outputs["out"], path=tmp_path / "said.parquet")
    if content.isupper() or " " in content:
        duckdb.connect().execute(f"COPY ({content}) TO '{output.path}' (FORMAT parquet)")
    else:
        output.path.write_text(content)
    judgement = judge(wanted, answering(replace(outcome, outputs={"out": output})), Destination(tmp_path))
    assert told(judgement) == ("error", "execution_error")
    assert "out" in judgement.message


def test_a_column_that_the_object_can_not_take_is_refused_though_the_bytes_are_right(
    executor: Executor, shape: ObjectSchema, tmp_path: Path
) -> None:
    wanted = trial(shape, EXACT)
    outcome = executor.execute(wanted.request)
    output = outcome.outputs["out"]
    assert output.is_part
    types = dict(output.columns) | {"id": "VARCHAR"}
    other = replace(outcome, outputs={"out": replace(output, columns=tuple(types.items()))})
    assert told(judge(wanted, answering(other), Destination(tmp_path))) == ("failed", "invalid_output")
