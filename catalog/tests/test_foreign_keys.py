"""Foreign keys: every write of either side keeps them (attributes.md, Meaning)."""

import pytest
from django.core.exceptions import ValidationError

from catalog.contents import (
    append_rows,
    create_table,
    delete_rows,
    delete_table,
    replace_rows,
    revert_table,
    update_rows,
    upsert_rows,
)
from catalog.evolution import publish
from catalog.models import Application, ObjectSchema, Table
from catalog.references import ReferencedError
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows
from catalog.writing import NonconformingError, Write
from config.models import BreakingChangeError

pytestmark = pytest.mark.django_db

ID = {"name": "id", "type": "integer"}
CUSTOMER = {"name": "customer_id", "type": "integer"}


def to_customers(**reference):
    return {"fields": ["customer_id"], "reference": {"object": "customers", "fields": ["id"], **reference}}


@pytest.fixture
def application() -> Application:
    return Application.objects.get(name="test")


@pytest.fixture
def customers(application) -> ObjectSchema:
    return make(application, "customers", [ID, {"name": "name", "type": "string"}], primaryKey=["id"])


@pytest.fixture
def orders(application, customers) -> ObjectSchema:
    return make(application, "orders", [ID, CUSTOMER], primaryKey=["id"], foreignKeys=[to_customers()])


def make(application, name, attributes, **keys) -> ObjectSchema:
    return ObjectSchemaFactory.create(application=application, name=name, definition={"attributes": attributes, **keys})


def table(shape, *rows, name="t") -> Table:
    return TableFactory.create(object=shape, name=name, rows=rows)


@pytest.fixture
def known(customers) -> Table:
    return table(customers, {"id": 1, "name": "ann"}, {"id": 2, "name": "bob"}, {"id": 3})


@pytest.fixture
def bought(orders, known) -> Table:
    return table(orders, {"id": 10, "customer_id": 1}, {"id": 11}, {"id": 12, "customer_id": 1})


def refused(verb, *arguments, **options):
    with pytest.raises(NonconformingError) as caught:
        verb(*arguments, **options)
    return [(error.row, error.attribute, error.code, error.value) for error in caught.value.report.errors]


def referrers(verb, *arguments):
    with pytest.raises(ReferencedError) as caught:
        verb(*arguments)
    return [(each.table.name, each.row_count, [row["_id"] for row in each.rows]) for each in caught.value.referrers]


# --- the side that refers -------------------------------------------------------------------------------------------


def test_a_row_that_refers_to_nothing_is_refused_by_every_write(orders, bought):
    wrong = json_rows([{"id": 20, "customer_id": 2}, {"id": 21, "customer_id": 7}])
    expected = [(2, "customer_id", "foreign_key", 7)]
    assert refused(create_table, Table(object=orders, name="new"), wrong) == expected
    assert refused(append_rows, bought, wrong) == expected
    assert refused(replace_rows, bought, wrong) == expected
    assert refused(upsert_rows, bought, wrong) == expected
    assert refused(update_rows, bought, [1, 2], wrong) == expected
    changed = json_rows([{"customer_id": 2}, {"customer_id": 7}])
    assert refused(update_rows, bought, [1, 2], changed, [["customer_id"]] * 2) == expected
    bought.refresh_from_db()
    assert bought.version == 1


def test_the_message_names_the_key_and_the_value(bought):
    with pytest.raises(NonconformingError) as caught:
        append_rows(bought, json_rows([{"id": 20, "customer_id": 7}]))
    error = caught.value.report.errors[0]
    assert error.message == "customer_id 7 refers to nothing: no row of customers has this id"
    assert error.constraint == {"object": "customers", "fields": ["id"]}


def test_a_null_part_passes(application):
    make(application, "pairs", [{"name": "a", "type": "integer"}, {"name": "b", "type": "string"}])
    child = make(
        application,
        "child",
        [{"name": "x", "type": "integer"}, {"name": "y", "type": "string"}],
        foreignKeys=[{"fields": ["x", "y"], "reference": {"object": "pairs", "fields": ["a", "b"]}}],
    )
    table(ObjectSchema.objects.get(name="pairs"), {"a": 1, "b": "x"}, {"a": 2})
    made = table(child, {"x": 1, "y": "x"}, {"x": 9}, {"y": "z"}, {"x": None})
    assert refused(append_rows, made, json_rows([{"x": 2, "y": "x"}])) == [(1, "", "foreign_key", {"x": 2, "y": "x"})]


def test_any_table_of_the_object_counts_unless_one_is_named(application, customers, orders, known):
    table(customers, {"id": 8}, name="more")
    assert table(orders, {"id": 1, "customer_id": 8}, {"id": 2, "customer_id": 1}).row_count == 2
    strict = make(application, "strict", [CUSTOMER], foreignKeys=[to_customers(table="more")])
    assert refused(
        create_table, Table(object=strict, name="s"), json_rows([{"customer_id": 8}, {"customer_id": 1}])
    ) == [(2, "customer_id", "foreign_key", 1)]


def test_all_errors_are_in_one_report(application, customers, known):
    shape = make(
        application,
        "mixed",
        [{**ID, "constraints": {"minimum": 0}}, CUSTOMER],
        primaryKey=["id"],
        foreignKeys=[to_customers()],
    )
    rows = [{"id": -1, "customer_id": 7}, {"id": 5, "customer_id": 1}, {"id": 5, "customer_id": "x"}, {"id": None}]
    found = refused(create_table, Table(object=shape, name="m"), json_rows(rows))
    assert sorted((row, code) for row, _, code, _ in found) == [
        (1, "foreign_key"),
        (1, "minimum"),
        (3, "primary_key"),
        (3, "type"),
        (4, "required"),
    ]


def test_rows_may_refer_to_rows_of_the_same_write(application):
    boss = {"fields": "boss", "reference": {"resource": "", "fields": "id"}}
    people = make(application, "people", [ID, {"name": "boss", "type": "integer"}], foreignKeys=[boss])
    made = table(people, {"id": 1, "boss": 2}, {"id": 2, "boss": 2}, {"id": 3, "boss": 1})
    assert refused(append_rows, made, json_rows([{"id": 4, "boss": 5}, {"id": 5, "boss": 9}])) == [
        (2, "boss", "foreign_key", 9)
    ]
    assert append_rows(made, json_rows([{"id": 4, "boss": 5}, {"id": 5, "boss": 4}])).row_count == 5
    assert referrers(delete_rows, made, [4]) == [("t", 1, [5])]
    assert delete_rows(made, [4, 5]).row_count == 3
    assert replace_rows(made, json_rows([{"id": 7, "boss": 7}])).row_count == 1


# --- the side that is referred to -----------------------------------------------------------------------------------


def test_what_is_referred_to_may_not_go(known, bought):
    assert referrers(delete_rows, known, [1, 3]) == [("t", 2, [1, 3])]
    assert referrers(replace_rows, known, json_rows([{"id": 2}])) == [("t", 2, [1, 3])]
    assert referrers(update_rows, known, [1], json_rows([{"id": 9}]), [["id"]]) == [("t", 2, [1, 3])]
    assert referrers(delete_table, known) == [("t", 2, [1, 3])]
    known.refresh_from_db()
    assert (known.version, known.row_count) == (1, 3)


def test_what_is_not_referred_to_may_go(known, bought):
    assert delete_rows(known, [2, 3]).row_count == 1
    assert update_rows(known, [1], json_rows([{"name": "eve"}]), [["name"]]).changed == 1
    assert replace_rows(known, json_rows([{"id": 5}, {"id": 1}])).row_count == 2
    assert upsert_rows(known, json_rows([{"id": 1, "name": "z"}])).changed == 1


def test_a_key_that_stands_in_another_table_of_the_object_may_go(customers, known, bought):
    twin = table(customers, {"id": 1}, name="twin")
    delete_rows(known, [1])
    assert referrers(delete_table, twin) == [("t", 2, [1, 3])]
    delete_table(bought)
    delete_table(twin)


def test_a_revert_keeps_references_on_both_sides(known, bought):
    append_rows(known, json_rows([{"id": 4}]))
    append_rows(bought, json_rows([{"id": 20, "customer_id": 4}]))
    assert referrers(revert_table, known, 1) == [("t", 1, [4])]
    revert_table(bought, 1)
    revert_table(known, 1)
    assert refused(revert_table, bought, 2) == [(4, "customer_id", "foreign_key", 4)]


def test_a_dry_run_tells_and_changes_nothing(known, bought):
    assert referrers(delete_rows, known, [1], Write(dry_run=True)) == [("t", 2, [1, 3])]
    version = delete_rows(known, [2], Write(dry_run=True))
    assert (version.removed, version.row_count) == (1, 2)
    known.refresh_from_db()
    assert (known.version, known.row_count) == (1, 3)


# --- definitions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "pointer", "code"),
    [
        (
            {"fields": ["customer_id"], "reference": {"object": "custmers", "fields": ["id"]}},
            "object",
            "unknown_object",
        ),
        (to_customers(fields=["ident"]), "fields/0", "unknown_attribute"),
        (to_customers(fields=["name"]), "fields/0", "type_mismatch"),
        (to_customers(fields=["id", "name"]), "fields", "field_count"),
    ],
)
def test_a_foreign_key_that_can_not_be_is_refused(application, customers, key, pointer, code):
    with pytest.raises(ValidationError) as caught:
        make(application, "orders", [ID, CUSTOMER], foreignKeys=[key])
    error = caught.value.error_dict["attributes"][0]
    assert (error.params["pointer"], error.code) == (f"/foreignKeys/0/reference/{pointer}", code)


def test_an_object_that_is_referred_to_keeps_its_name_and_what_is_referred_to(customers, orders):
    customers.definition = {"attributes": [{"name": "id", "type": "string"}]}
    with pytest.raises(ValidationError, match="'orders' refers to this one: 'customer_id' is integer"):
        customers.full_clean()
    customers.refresh_from_db()
    customers.name = "clients"
    with pytest.raises(ValidationError, match="by its name"):
        customers.full_clean()


def test_a_new_foreign_key_is_held_against_the_rows_there_are(application, known):
    loose = make(application, "loose", [CUSTOMER])
    made = table(loose, {"customer_id": 1}, {"customer_id": 9})
    loose.definition = {**loose.definition, "foreignKeys": [to_customers()]}
    loose.full_clean()
    with pytest.raises(BreakingChangeError) as caught:
        publish(loose)
    assert "row 2: customer_id 9 refers to nothing" in caught.value.breaks[0]
    delete_rows(made, [2])
    publish(loose)
    assert loose.version == 2
