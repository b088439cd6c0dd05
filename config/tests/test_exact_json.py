"""JSON that keeps what was written."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.exact_json import JSONError, dump_json, load_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0.1", 0.1),
        (b"0.30000000000000004", 0.30000000000000004),
        (b"1.50", 1.5),
        (b"12345678901234567890.123456789", Decimal("12345678901234567890.123456789")),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b'"\\u00e9"', "é"),
    ],
)
def test_a_number_keeps_its_digits(text: bytes, value: object) -> None:
    found = load_json(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty"),
        (b"{", "line 1"),
        (b'{\n "a": 1,,\n}', "line 2"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b"[NaN]", "line 1"),
        (b"[1] 2", "line 1"),
        (b'"\xff"', "UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b"1e400", "infinity"),
        (b"[" * 100_000, "depth|nested|recursion"),
        (b"1" * 5000, "too long|infinity"),
    ],
)
def test_what_is_no_sound_json_is_refused_with_its_place(text: bytes, reason: str) -> None:
    with pytest.raises(JSONError, match=reason):
        load_json(text)


def test_values_are_written_with_all_their_digits() -> None:
    value = {
        "exact": Decimal("12345678901234567890.120"),
        "long": 2**80,
        "nothing": float("nan"),
        "day": date(2026, 1, 31),
        "at": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "absent": Decimal("NaN"),
    }
    assert dump_json(value) == (
        b'{"exact":12345678901234567890.120,"long":1208925819614629174706176,"nothing":null,"day":"2026-01-31",'
        b'"at":"2026-01-31T12:00:00Z","absent":null}'
    )


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_comes_back_as_the_same_number(number: Decimal) -> None:
    assert Decimal(str(load_json(dump_json([number]))[0])) == number


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text('aé\n"\\'),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
        max_leaves=20,
    )
)
def test_any_document_comes_back(document: object) -> None:
    assert load_json(dump_json(document)) == document
