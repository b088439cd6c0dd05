"""`Prefer` as RFC 7240 has it."""

import time

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from config.api.preferences import read_preferences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("handling=lenient", {"handling": "lenient"}),
        ("handling=lenient, return=minimal", {"handling": "lenient", "return": "minimal"}),
        ("handling=lenient;a=b, return = minimal ; x", {"handling": "lenient", "return": "minimal"}),
        ('Return="minimal"', {"return": "minimal"}),
        ('a="x, handling=lenient", return=minimal', {"a": "x, handling=lenient", "return": "minimal"}),
        ("handling=strict, handling=lenient", {"handling": "strict"}),
        ("respond-async, wait=10", {"respond-async": "", "wait": "10"}),
        ("", {}),
        (",,;=", {}),
    ],
)
def test_preferences_are_read(text: str, expected: dict[str, str]) -> None:
    request = Request(APIRequestFactory().post("/", headers={"Prefer": text}))
    assert read_preferences(request).values == expected


@pytest.mark.parametrize("text", ['"{}"', "a{},", "{}", "a={}b", 'a="x"{}"'])
def test_blanks_take_no_time(text: str) -> None:
    request = Request(APIRequestFactory().post("/", headers={"Prefer": text.format(" " * 60_000)}))
    begun = time.monotonic()
    read_preferences(request)
    assert time.monotonic() - begun < 2


def test_what_was_done_is_said_and_nothing_else() -> None:
    request = Request(APIRequestFactory().post("/", headers={"Prefer": "return=minimal, handling=lenient, foo=bar"}))
    preferences = read_preferences(request)
    assert preferences.headers == {}
    assert preferences.wants("return", "minimal")
    assert not preferences.wants("resolution", "merge-duplicates")
    assert preferences.headers == {"Preference-Applied": "return=minimal"}
