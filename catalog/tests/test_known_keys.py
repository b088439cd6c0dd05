"""Small writes check their keys by what is known of Parts; they answer as those that look into each Part."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import known_keys, writing
from catalog.contents import append_rows, create_table, replace_rows
from catalog.keeping import Kept
from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.writing import NonconformingError

pytestmark = pytest.mark.django_db

ATTRIBUTES = [
    {"name": "a", "type": "integer"},
    {"name": "b", "type": "string"},
    {"name": "c", "type": "integer", "constraints": {"unique": True}},
]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.sampled_from([None, 1, 2, 3, 1.0, "1", -(2**63), 2**63]),
            "b": st.sampled_from([None, "", "x", "X", "é", "é", "\0"]),
        },
        optional={"c": st.one_of(st.none(), st.integers(0, 12))},
    ),
    max_size=4,
)


def outcome(write, table, rows):
    """What a write did: all errors, or how many rows it added."""
    try:
        return write(table, json_rows(rows)).added
    except NonconformingError as error:
        return [(each.row, each.attribute, each.code, each.value) for each in error.report.errors]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=st.lists(st.tuples(st.sampled_from([append_rows, replace_rows]), ROWS), max_size=6), primary=st.booleans()
)
def test_what_is_known_of_keys_gives_what_a_look_at_all_rows_gives(monkeypatch, writes, primary):
    keys = {"primary_key": ["a"]} if primary else {"unique_keys": [["a", "b"]]}
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES, **keys)
    quick, thorough = (Table(object=shape, name=name) for name in ("quick", "thorough"))
    for table in (quick, thorough):
        create_table(table, json_rows([]))
    for write, rows in writes:
        found = outcome(write, quick, rows)
        with monkeypatch.context() as patch:
            patch.setattr(writing, "keys_of", lambda source, schema: None)
            assert outcome(write, thorough, rows) == found
    assert quick.row_count == thorough.row_count


def test_a_process_that_knows_nothing_yet_refuses_a_key_that_stands_in_a_large_part_or_a_small_one(monkeypatch):
    monkeypatch.setattr(known_keys, "SMALL_ROWS", 3)
    shape = ObjectSchemaFactory.create(attributes=ATTRIBUTES[:2], primary_key=["b"])
    table = TableFactory.create(object=shape, rows=[{"a": n, "b": f"key {n}"} for n in range(8)])
    append_rows(table, json_rows([{"b": "alone"}]))
    monkeypatch.setattr(known_keys, "_known", Kept(1024**2))
    assert outcome(append_rows, table, [{"b": "new"}, {"b": "key 7"}]) == [(2, "b", "primary_key", "key 7")]
    assert outcome(append_rows, table, [{"b": "alone"}]) == [(1, "b", "primary_key", "alone")]
    assert outcome(append_rows, table, [{"b": "key 70"}]) == 1
