"""Keys with known faults: the rules of jaffle shop, all satisfied, and flights that refer to nothing."""

import gzip
import json
import os
from pathlib import Path

import pytest

from catalog.contents import create_table
from catalog.formats import CSVText
from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory
from catalog.writing import NonconformingError

pytestmark = pytest.mark.django_db

VARIABLE = "EXEMPLAR_SHARED_DATA"
LOST_DESTINATIONS, LOST_PLANES = 7_602, 50_094
TYPES = {"INTEGER": "integer", "BIGINT": "integer", "DATE": "date", "VARCHAR": "string", "DOUBLE": "number"}
NUMBERS = "year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay flight air_time distance"


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to hold keys against data with known faults")
    return Path(os.environ[VARIABLE])


@pytest.fixture
def application() -> Application:
    return Application.objects.get(name="test")


def shape(application, name, attributes, **keys) -> ObjectSchema:
    return ObjectSchemaFactory.create(application=application, name=name, definition={"attributes": attributes, **keys})


def load(made: ObjectSchema, path: Path, directory: Path) -> Table:
    table = Table(object=made, name=made.name)
    with path.open("rb") as stream:
        create_table(table, CSVText(stream, directory))
    return table


def refer(field: str, name: str, other: str) -> dict:
    return {"fields": [field], "reference": {"object": name, "fields": [other]}}


def test_the_rules_of_jaffle_shop_are_constraints_that_its_tables_satisfy(application, folder, tmp_path):
    home = folder / "01_jaffle_shop_classic"
    rules, tables = (json.loads((home / name).read_text()) for name in ("rules.json", "tables.json"))
    named = sorted({rule["tables"][-1] for rule in rules})
    for name in named:
        own = [rule for rule in rules if rule["tables"][-1] == name]
        attributes = {
            c["name"]: {"name": c["name"], "type": TYPES[c["type"]], "constraints": {}} for c in tables[name]["columns"]
        }
        keys = []
        for rule in own:
            column = attributes[rule["column"]]["constraints"]
            match rule["check"]:
                case "unique":
                    column["unique"] = True
                case "not_null":
                    column["required"] = True
                case "accepted_values":
                    column["enum"] = rule["arguments"]["values"]
                case "relationships":
                    keys.append(refer(rule["column"], rule["arguments"]["to"], rule["arguments"]["field"]))
        made = shape(application, name, list(attributes.values()), foreignKeys=keys, missingValues=[""])
        table = load(made, home / tables[name]["file"], tmp_path)
        assert table.row_count == tables[name]["rows"]
    print(f"{len(rules)} rules over {len(named)} tables hold")


def test_flights_name_as_many_unknown_airports_and_planes_as_others_counted(application, folder, tmp_path):
    home = folder / "17_large_tables" / "nycflights13"
    texts = {name: (home / f"{name}.csv").read_text() for name in ("airports", "planes")}
    keys = {"airports": "faa", "planes": "tailnum"}
    for name, text in texts.items():
        attributes = [{"name": column, "type": "string"} for column in text.splitlines()[0].split(",")]
        load(shape(application, name, attributes, primaryKey=keys[name]), home / f"{name}.csv", tmp_path)
    flights = tmp_path / "flights.csv"
    first, second = (gzip.decompress((home / f"flights_m{part}.csv.gz").read_bytes()) for part in ("01_m06", "07_m12"))
    flights.write_bytes(first + second[second.index(b"\n") + 1 :])
    attributes = [
        {"name": column, "type": "integer" if column in NUMBERS.split() else "string"}
        for column in first[: first.index(b"\n")].decode().split(",")
    ]
    references = [refer("dest", "airports", "faa"), refer("tailnum", "planes", "tailnum")]
    for reference, count in zip(references, (LOST_DESTINATIONS, LOST_PLANES), strict=True):
        made = shape(application, f"flights {count}", attributes, foreignKeys=[reference], missingValues=["", "NA"])
        with pytest.raises(NonconformingError) as caught:
            load(made, flights, tmp_path)
        assert caught.value.report.error_count == count
        assert {error.code for error in caught.value.report.errors} == {"foreign_key"}
        print(f"{reference['fields'][0]}: {caught.value.report.title}")
