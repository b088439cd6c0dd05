"""Curators in Django admin meet the same rules as everybody else, and can't get round them."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from catalog.models import Application, Configuration, ObjectSchema, Part, Table, TableVersion
from catalog.tests.factories import ApplicationFactory, ConfigurationFactory, ObjectSchemaFactory, TableFactory

pytestmark = pytest.mark.django_db

DEFINITION = {"attributes": [{"name": "id", "type": "integer"}]}


@pytest.fixture
def curator(db: None) -> User:
    return User.objects.create_superuser("cora", password="tea")


@pytest.fixture
def browser(curator: User) -> Client:
    client = Client()
    client.force_login(curator)
    return client


@pytest.fixture
def table(application: Application) -> Table:
    shape = ObjectSchemaFactory.create(application=application, name="orders", definition=DEFINITION)
    return TableFactory.create(object=shape, name="week 1", rows=[{"id": 1}, {"id": 2}])


def address(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:catalog_{model}_{page}", args=args)


def test_every_list_and_record_opens_and_can_be_searched(browser: Client, table: Table) -> None:
    ConfigurationFactory.create()
    records: list[Any] = [
        table.object.application,
        Configuration.objects.get(),
        table.object,
        table.object.current,
        table,
        table.current,
        Part.objects.get(),
    ]
    for record in records:
        model = record._meta.model_name
        assert browser.get(address(model, "changelist"), {"q": "o"}).status_code == 200, model
        answer = browser.get(address(model, "change", record.pk))
        assert answer.status_code == 200, model


def test_a_list_takes_the_same_number_of_queries_however_long(
    browser: Client, table: Table, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    models = ("table", "tableversion", "objectschema", "objectversion", "part")
    few = []
    for model in models:
        with django_assert_max_num_queries(40) as queries:
            browser.get(address(model, "changelist"))
        few.append(len(queries))
    for _ in range(8):
        TableFactory.create(object__application=table.object.application, rows=[{"id": 1}])
    for model, number in zip(models, few, strict=True):
        with django_assert_max_num_queries(number):
            assert browser.get(address(model, "changelist")).status_code == 200


def test_an_object_is_published_with_its_author(browser: Client, curator: User, application: Application) -> None:
    data = {"application": application.pk, "name": "orders", "attributes": json.dumps(DEFINITION)}
    answer = browser.post(address("objectschema", "add"), data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    made = ObjectSchema.objects.get()
    assert (made.version, made.created_by, made.schema.names) == (1, curator, ["id"])
    browser.post(
        address("objectschema", "change", made.pk),
        {"name": "orders", "expected_version": 1, "attributes": '[{"name": "id", "type": "string"}]'},
    )
    made.refresh_from_db()
    assert made.version == 2


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("{", "JSON"),
        ('[{"name": "id", "type": "text"}]', "unknown"),
        ("[]", "at least one attribute"),
        ("", "must be a list"),
    ],
)
def test_an_unsound_definition_is_refused(
    browser: Client, application: Application, attributes: str, message: str
) -> None:
    data = {"application": application.pk, "name": "orders", "attributes": attributes}
    answer = browser.post(address("objectschema", "add"), data)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not ObjectSchema.objects.exists()


def test_a_definition_that_breaks_a_table_is_refused_with_the_input_kept(browser: Client, table: Table) -> None:
    broken = '[{"name": "id", "type": "integer", "constraints": {"minimum": 2}}]'
    answer = browser.post(
        address("objectschema", "change", table.object_id),
        {"name": "renamed", "expected_version": 1, "attributes": broken},
    )
    assert answer.status_code == 200
    assert "would break 1 of its tables" in answer.content.decode()
    assert "renamed" in answer.content.decode()
    table.object.refresh_from_db()
    assert (table.object.name, table.object.version) == ("orders", 1)


def test_a_new_table_is_empty_and_has_a_version(browser: Client, curator: User, table: Table) -> None:
    browser.post(address("table", "add"), {"object": table.object_id, "name": "week 2"})
    made = Table.objects.get(name="week 2")
    assert (made.version, made.row_count, made.created_by) == (1, 0, curator)
    assert made.current.created_by == curator


def test_a_table_changes_its_name_only(browser: Client, table: Table) -> None:
    other = ObjectSchemaFactory.create(application=table.object.application)
    data = {"name": "week one", "object": other.pk, "version": 9, "row_count": 9}
    assert browser.post(address("table", "change", table.pk), data).status_code == 302
    table.refresh_from_db()
    assert (table.name, table.object, table.version, table.row_count) == ("week one", table.object, 1, 2)


@pytest.mark.parametrize("model", ["objectversion", "tableversion", "part"])
def test_what_never_changes_is_read_only(browser: Client, table: Table, model: str) -> None:
    record: Any = {"objectversion": table.object.current, "tableversion": table.current, "part": Part.objects.get()}[
        model
    ]
    assert browser.get(address(model, "add")).status_code == 403
    assert browser.post(address(model, "change", record.pk), {"number": 9}).status_code == 403
    assert browser.post(address(model, "delete", record.pk), {"post": "yes"}).status_code == 403
    browser.post(
        address(model, "changelist"), {"action": "delete_selected", "_selected_action": record.pk, "post": "yes"}
    )
    assert type(record).objects.filter(pk=record.pk).exists()


def test_a_part_is_shown_without_reading_its_bytes(
    browser: Client, table: Table, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    path = address("part", "change", Part.objects.get().pk)
    with django_assert_max_num_queries(20) as queries:
        browser.get(path)
        browser.get(address("part", "changelist"))
    assert not [query for query in queries.captured_queries if '"content"' in query["sql"]]


def test_what_is_referred_to_is_not_deleted_and_the_referrers_are_named(browser: Client, table: Table) -> None:
    for model, pk in [("objectschema", table.object_id), ("application", table.object.application_id)]:
        answer = browser.post(address(model, "delete", pk), {"post": "yes"})
        assert answer.status_code == 200
        assert "week 1" in answer.content.decode() or "orders" in answer.content.decode()
    assert Table.objects.filter(pk=table.pk).exists()


def test_a_table_and_then_its_object_are_deleted_with_their_versions(browser: Client, table: Table) -> None:
    assert browser.post(address("table", "delete", table.pk), {"post": "yes"}).status_code == 302
    assert browser.post(address("objectschema", "delete", table.object_id), {"post": "yes"}).status_code == 302
    assert not TableVersion.objects.exists()
    assert not ObjectSchema.objects.exists()


def test_a_configuration_stays_in_its_application(browser: Client) -> None:
    configuration, other = ConfigurationFactory.create(), ApplicationFactory.create()
    data = {"application": other.pk, "name": "local", "config": '{"url": 1}'}
    browser.post(address("configuration", "change", configuration.pk), data)
    configuration.refresh_from_db()
    assert configuration.application != other
    assert (configuration.name, configuration.config) == ("local", {"url": 1})
    answer = browser.post(address("configuration", "add"), {"application": other.pk, "name": "x", "config": "[1]"})
    assert "must be a JSON object" in answer.content.decode()
