"""Changing one cell of a row leaves the others as they are, also where an attribute's settings say how text is read."""

from django.urls import reverse
from rest_framework.test import APIClient

from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory

ATTRIBUTES = [
    {"name": "id", "type": "integer"},
    {"name": "tags", "type": "list", "delimiter": ";", "itemType": "integer"},
    {"name": "day", "type": "date", "format": "%d/%m/%Y"},
    {"name": "amount", "type": "number", "decimalChar": ",", "groupChar": "."},
    {"name": "paid", "type": "boolean", "trueValues": ["ja"], "falseValues": ["nein"]},
    {"name": "took", "type": "duration"},
]
CSV = 'id,tags,day,amount,paid,took\n1,1;2,31/01/2026,"1.234,5",ja,PT90M\n2,3,01/02/2026,7,nein,P1D\n'


def test_a_changed_row_keeps_the_cells_that_were_not_given(api: APIClient, db: None) -> None:
    shape = ObjectSchemaFactory(attributes=ATTRIBUTES, primary_key=["id"])
    made = api.post(f"/api/v1/tables?object={shape.pk}&name=t", CSV, content_type="text/csv")
    assert made.status_code == 201, made.content
    table = Table.objects.get(name="t")
    before = {"id": 1, "tags": [1, 2], "day": "2026-01-31", "amount": 1234.5, "paid": True, "took": "PT1H30M"}
    address = reverse("api-row", args=[table.pk, 1])
    assert api.get(address).json() == {"_id": 1, **before}
    changed = api.patch(address, {"amount": 2.5}, format="json")
    assert changed.json() == {"_id": 1, **before, "amount": 2.5}, changed.content
    changed = api.patch(address, {"tags": [9], "day": "2026-03-01"}, format="json")
    assert changed.json() == {"_id": 1, **before, "amount": 2.5, "tags": [9], "day": "2026-03-01"}, changed.content
    text = "".join(part.decode() for part in api.get(f"/api/v1/tables/{table.pk}/rows.csv").streaming_content)
    assert text.splitlines()[1:] == ['1,1,9,01/03/2026,"2,5",ja,PT1H30M', '2,2,3,01/02/2026,"7,0",nein,P1D']
