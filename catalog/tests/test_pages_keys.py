"""Foreign keys in the form of an Object, and in words on its page."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory

ATTRIBUTES = [{"name": "id", "type": "integer"}, {"name": "customer_id", "type": "integer"}]


@pytest.fixture
def browser(client: Client, settings: Any) -> Client:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return client


@pytest.fixture
def customers(db: None) -> ObjectSchema:
    return ObjectSchemaFactory.create(name="customers", attributes=ATTRIBUTES[:1], primary_key=["id"])


def sent(application: Application, *keys: tuple[str, str, str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {"application": application.pk, "name": "orders", "action": "save", "mode": "rows"}
    data |= {"attributes-TOTAL_FORMS": "2", "attributes-INITIAL_FORMS": "0"}
    for place, attribute in enumerate(ATTRIBUTES):
        data |= {f"attributes-{place}-{name}": text for name, text in attribute.items()}
    data |= {"foreign_keys-TOTAL_FORMS": str(len(keys)), "foreign_keys-INITIAL_FORMS": "0"}
    for place, key in enumerate(keys):
        fields = zip(("fields_here", "object", "fields_there", "table"), key, strict=True)
        data |= {f"foreign_keys-{place}-{name}": text for name, text in fields}
    return data


def test_a_foreign_key_is_typed_and_stands_in_words_on_both_pages(browser: Client, customers: ObjectSchema) -> None:
    keys = [("customer_id", "customers", "id", ""), ("", "", "", "")]
    answer = browser.post(reverse("object-create"), sent(customers.application, *keys))
    orders = ObjectSchema.objects.get(name="orders")
    assert answer["Location"] == reverse("object-detail", args=[orders.pk])
    key = {"fields": ["customer_id"], "reference": {"object": "customers", "fields": ["id"]}}
    assert orders.definition["foreignKeys"] == [key]
    page = browser.get(reverse("object-detail", args=[orders.pk])).content.decode()
    assert "customer_id</code> refers to <code>id</code> of" in page
    assert reverse("object-detail", args=[customers.pk]) in page
    assert "Referred to by" in browser.get(reverse("object-detail", args=[customers.pk])).content.decode()


def test_a_foreign_key_is_kept_when_it_is_not_touched_and_dropped_when_it_is_emptied(
    browser: Client, customers: ObjectSchema
) -> None:
    browser.post(
        reverse("object-create"),
        sent(customers.application, ("customer_id", "customers", "id", ""), ("id", "", "", "")),
    )
    assert not ObjectSchema.objects.filter(name="orders").exists()  # the second key is half typed
    browser.post(reverse("object-create"), sent(customers.application, ("customer_id", "customers", "id", "")))
    orders = ObjectSchema.objects.get(name="orders")
    edit = reverse("object-edit", args=[orders.pk])
    page = browser.get(edit).content.decode()
    assert 'name="foreign_keys-0-object" value="customers"' in page
    browser.post(edit, sent(customers.application, ("", "", "", "")))
    orders.refresh_from_db()
    assert orders.definition["foreignKeys"] == []


@pytest.mark.parametrize(
    ("key", "field", "words"),
    [
        (("customer", "customers", "id", ""), "fields_here", "did you mean"),
        (("customer_id", "customer", "id", ""), "object", "has no object"),
        (("customer_id", "customers", "number", ""), "fields_there", "no attribute"),
        (("customer_id", "customers", "", ""), "fields_there", "list of attribute names"),
    ],
)
def test_what_is_wrong_with_a_foreign_key_stands_beside_its_field(
    browser: Client, customers: ObjectSchema, key: tuple[str, str, str, str], field: str, words: str
) -> None:
    answer = browser.post(reverse("object-create"), sent(customers.application, key))
    assert answer.status_code == 400
    errors = answer.context["editor"].foreign_keys.forms[0].errors
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert "Foreign key 1</a>" in answer.content.decode()


def test_a_button_adds_another_foreign_key_and_keeps_what_was_typed(browser: Client, customers: ObjectSchema) -> None:
    data = sent(customers.application, ("customer_id", "customers", "id", "")) | {"action": "key"}
    page = browser.post(reverse("object-create"), data).content.decode()
    assert 'name="foreign_keys-0-fields_here" value="customer_id"' in page
    assert 'name="foreign_keys-1-fields_here"' in page
    as_json = browser.post(reverse("object-create"), data | {"action": "json"}).content.decode()
    assert "foreignKeys" in as_json
