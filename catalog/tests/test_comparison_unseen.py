"""Differences of texts that the eye does not see."""

import pytest

from catalog.comparison.unseen import unseen_difference


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        ("Oslo", "Oslo ", "none, U+0020 at the end"),
        ("a b", "a\u00a0b", "U+0020 at place 2, U+00A0 at place 2"),
        ("ab", "a\u200bb", "none, U+200B at place 2"),
        ("caf\u00e9", "cafe\u0301", "NFC, NFD"),
        ("a", "b", ""),
        ("a", None, ""),
        (1, 2, ""),
    ],
)
def test_what_is_not_seen_is_told(expected, actual, words):
    told = unseen_difference(expected, actual)
    assert told.endswith(words)
    assert bool(told) == bool(words)
