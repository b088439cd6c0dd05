"""What the models refuse, and what the database refuses on its own."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import ProtectedError

from catalog.models import Application, Configuration, ObjectVersion, Part, Table, TableVersion, VersionPart
from catalog.tests.factories import ApplicationFactory, ConfigurationFactory, ObjectSchemaFactory, TableFactory
from config.models import ImmutableError

pytestmark = pytest.mark.django_db


def codes(instance):
    """Field -> codes of what `full_clean` refuses."""
    with pytest.raises(ValidationError) as caught:
        instance.full_clean()
    return {field: [error.code for error in errors] for field, errors in caught.value.error_dict.items()}


@pytest.fixture
def table(db):
    return TableFactory.create(rows=[{"id": 1}])


def test_an_installation_starts_with_three_applications():
    assert list(Application.objects.values_list("name", flat=True)) == ["app", "demo", "test"]


def test_ids_are_ulids_in_the_order_of_making():
    ids = [ApplicationFactory.create().pk for _ in range(3)]
    assert all(len(pk) == 26 for pk in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("name", "code"),
    [("", "blank"), ("   ", "blank"), ("a" * 257, "max_length"), ("a\nb", "control_character"), (None, "null")],
)
def test_a_name_that_can_not_serve_is_refused(name, code):
    assert codes(Application(name=name))["name"] == [code]


def test_a_name_is_trimmed_and_may_have_256_characters():
    application = Application(name=f"  {'é' * 256} ")
    application.full_clean()
    application.save()
    assert Application.objects.get(pk=application.pk).name == "é" * 256


def test_a_name_is_unique_where_it_counts(table):
    assert codes(Application(name="app")) == {"__all__": ["name_taken"]}
    assert codes(Table(object=table.object, name=table.name)) == {"__all__": ["name_taken"]}
    Table(object=ObjectSchemaFactory.create(), name=table.name).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        Application.objects.create(name="app")


def test_a_config_is_a_json_object():
    application = ApplicationFactory.create()
    assert codes(Configuration(application=application, name="local", config=[1])) == {"config": ["not_an_object"]}
    Configuration(application=application, name="local", config={}).full_clean()


def test_what_belongs_somewhere_stays_there(table):
    configuration = ConfigurationFactory.create()
    configuration.application = ApplicationFactory.create()
    assert codes(configuration) == {"application": ["fixed"]}
    shape = table.object
    shape.application = ApplicationFactory.create()
    assert codes(shape) == {"application": ["fixed"]}
    table.object = ObjectSchemaFactory.create()
    assert codes(table) == {"object": ["fixed"]}


def test_what_is_referenced_is_not_deleted(table):
    for referenced in (table.object, table.object.application):
        with pytest.raises(ProtectedError):
            referenced.delete()
    with pytest.raises(ProtectedError):
        Part.objects.all().delete()
    with pytest.raises(ProtectedError):
        ConfigurationFactory.create().application.delete()
    table.delete()
    table.object.delete()
    assert not TableVersion.objects.exists()


@pytest.mark.parametrize("model", [ObjectVersion, TableVersion, Part, VersionPart])
def test_an_immutable_row_is_not_saved_again(table, model):
    with pytest.raises(ImmutableError):
        model.objects.first().save()


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (ObjectVersion, {"definition": {"attributes": []}}),
        (ObjectVersion, {"number": 7}),
        (TableVersion, {"number": 7}),
        (TableVersion, {"row_count": 7}),
        (TableVersion, {"operation": "replace"}),
        (Part, {"content": b"other"}),
        (Part, {"row_count": 7}),
        (VersionPart, {"position": 7}),
    ],
)
def test_the_database_refuses_to_change_an_immutable_row(table, model, change):
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        model.objects.update(**change)


def test_the_database_refuses_an_unknown_operation(table):
    version = table.current
    with pytest.raises(IntegrityError), transaction.atomic():
        TableVersion.objects.create(
            table=table, number=9, object_version=version.object_version, operation="guess", row_count=0, size_bytes=0
        )


def test_a_version_number_stands_once(table):
    with pytest.raises(IntegrityError), transaction.atomic():
        TableVersion.objects.create(
            table=table,
            number=1,
            object_version=table.object.current,
            operation="append",
            row_count=0,
            size_bytes=0,
        )


def test_a_definition_that_is_assigned_is_what_is_checked(table):
    shape = table.object
    shape.definition = {"attributes": [{"name": "a", "type": "text"}]}
    assert codes(shape) == {"attributes": ["unknown_type"]}
    shape.refresh_from_db()
    assert shape.definition == shape.current.definition
    shape.full_clean()
