"""Keeps secrets out of what is said and given: each is replaced, also as JSON and Python write it.

What a program writes in a code of its own (Base64, upper case, letter by letter) nobody can know again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from catalog.engine import quote_name, quote_text
from processes.runners.refusals import HIDDEN, RefusedError

_CUT_CHARACTERS = 500
_PIECE_CHARACTERS = 4
_PLAIN_TYPES = ("BIGINT", "DOUBLE", "DECIMAL", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "HUGEINT", "INTEGER", "INTERVAL")

Columns = Sequence[tuple[str, str]]


def spellings(secrets: Iterable[str]) -> list[str]:
    """Every way in which the secrets are written, the longest first: one may contain another."""
    found = {
        spelling
        for secret in secrets
        if secret
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
        )
    }
    return sorted(found, key=lambda spelling: (-len(spelling), spelling))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret hidden; in a long text, which may have been cut, also a piece of one at its ends."""
    named = spellings(secrets)
    for spelling in named:
        text = text.replace(spelling, HIDDEN)
    if len(text) >= _CUT_CHARACTERS:
        for spelling in named:
            text = _without_pieces(text, spelling)
    return text


def _without_pieces(text: str, spelling: str) -> str:
    for length in range(len(spelling) - 1, _PIECE_CHARACTERS - 1, -1):
        if text.endswith(spelling[:length]):
            text = text[:-length] + HIDDEN
        if text.startswith(spelling[-length:]):
            text = HIDDEN + text[length:]
    return text


def hiding_query(query: str, columns: Columns, secrets: Iterable[str]) -> tuple[str, str | None]:
    """A query of the same columns with each secret hidden in their texts; and one for how many secrets stay.

    That is in columns that are neither text nor JSON nor plain values. Raises RefusedError where a name holds one.
    """
    named = spellings(secrets)
    if any(spelling in name for name, _ in columns for spelling in named):
        raise RefusedError("invalid_output", "A column's name holds a secret of the configuration.")
    replaced, nested = [], []
    for name, kind in columns:
        column = quote_name(name)
        if kind in {"VARCHAR", "JSON"}:
            for spelling in named:
                column = f"replace({column}, {quote_text(spelling)}, '{HIDDEN}')"
            replaced.append(f"CAST({column} AS {kind}) AS {quote_name(name)}")
        elif not kind.startswith(_PLAIN_TYPES) or kind.endswith("]"):
            nested += [f"contains(CAST({column} AS VARCHAR), {quote_text(spelling)})" for spelling in named]
    left = f"SELECT count(*) FROM {query} WHERE {' OR '.join(nested)}" if named and nested else None
    if not named or not replaced:
        return query, left
    return f"(SELECT * REPLACE ({', '.join(replaced)}) FROM {query})", left
