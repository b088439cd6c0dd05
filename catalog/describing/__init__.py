"""Finding out what Object rows have: types with their evidence, and suggestions (attributes.md, Inference). Pure.

Types are tried by the same SQL that reads rows, so that what is proposed takes the rows that it was found in.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from catalog import engine
from catalog.attributes import Attribute
from catalog.describing.candidates import candidates
from catalog.describing.cells import ROWS_LOOKED_AT, Column, Sample, TypedSource, sample_of
from catalog.describing.counting import Counted, Tally, count, count_typed
from catalog.describing.deciding import Decision, Decisions, decide, decide_typed
from catalog.describing.description import SUGGESTIONS, AttributeDescription, Description, Suggestion
from catalog.describing.suggesting import Facts, Typed, suggestions
from catalog.schema import Schema
from catalog.sources import Fault, MalformedError, Source

__all__ = ["ROWS_LOOKED_AT", "SUGGESTIONS", "AttributeDescription", "Description", "Suggestion", "describe"]


def describe(source: Source, found: Mapping[str, Any] | None = None, row_limit: int = ROWS_LOOKED_AT) -> Description:
    """What Object the rows of a source have.

    found: what is known of the file (its format, its delimiter), to be told on. Up to `row_limit` rows are looked at,
    less where there are many columns, two or three times. Raises MalformedError if the input can't be taken apart.
    """
    sample = sample_of(source, row_limit)
    with engine.cursor() as connection:
        counted, decisions = (
            _typed(connection, sample) if isinstance(source, TypedSource) else _read(connection, sample)
        )
        attributes = tuple(
            _attribute(column.name, decision)
            for column, decision in zip(sample.columns, decisions.columns, strict=True)
        )
        typed = Typed(sample, Schema(attributes), decisions.marks)
        facts = typed.gather(connection)
        suggested = tuple(suggestions(connection, typed, facts, counted.sound_count))
    return Description(
        attributes=tuple(map(_described, sample.columns, decisions.columns, counted.tallies, facts)),
        row_count=counted.row_count,
        is_whole=counted.is_whole,
        unreadable_count=counted.row_count - counted.sound_count,
        missing_values=("", *decisions.marks),
        suggestions=suggested,
        notes=tuple(_notes(sample, counted)),
        found=dict(found or {}),
    )


def _read(connection: duckdb.DuckDBPyConnection, sample: Sample) -> tuple[Counted, Decisions]:
    """What columns of text or JSON hold, by trying every type."""
    tried = candidates(sample.is_text)
    counted = count(connection, sample, tried)
    if not counted.row_count and not any(column.found.strip() for column in sample.columns):
        raise MalformedError(Fault(0, "malformed", "There is nothing to describe: no header and no row"))
    return counted, decide(counted.tallies, counted.sound_count, tried, sample.is_text)


def _typed(connection: duckdb.DuckDBPyConnection, sample: Sample) -> tuple[Counted, Decisions]:
    """What columns hold whose types the file says."""
    source, counted = sample.source, count_typed(connection, sample)
    columns = source.columns if isinstance(source, TypedSource) else []

    def can_be(place: int, attribute: Attribute) -> bool:
        return sample.columns[place].name not in sample.cells(attribute).unreadable

    return counted, decide_typed(columns, can_be)


def _attribute(name: str, decision: Decision) -> Attribute:
    return Attribute.from_definition({"name": name, "type": decision.type, **decision.settings})


def _described(column: Column, decision: Decision, tally: Tally, facts: Facts) -> AttributeDescription:
    counts = {"values": tally.values, **{key: hits for key, hits in tally.hits.items() if hits}}
    return AttributeDescription(
        name=column.name,
        type=decision.type,
        settings=decision.settings,
        evidence=(*((column.reason,) if column.reason else ()), *decision.evidence, *_lost(tally, facts, decision)),
        counts=counts,
        examples=tuple(tally.examples),
        minimum=_shown(facts.minimum),
        maximum=_shown(facts.maximum),
        column=column.found if column.reason else None,
    )


def _lost(tally: Tally, facts: Facts, decision: Decision) -> Sequence[str]:
    """Values that no type takes: errors of a spreadsheet, numbers that are infinite."""
    lost = tally.values - sum(tally.marks[mark] for mark in decision.marks) - facts.values
    return [f"{lost} of the values can't be read"] if lost > 0 and not tally.marks else []


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)


def _notes(sample: Sample, counted: Counted) -> Sequence[str]:
    """What a person should know of the input as a whole."""
    notes = []
    if not counted.is_whole:
        notes.append(f"Only the first {counted.row_count:,} rows were looked at; later ones may differ.")
    unreadable = counted.row_count - counted.sound_count
    if unreadable:
        notes.append(f"{unreadable:,} of {counted.row_count:,} rows can't be taken apart, and were left out.")
    renamed = [column for column in sample.columns if column.reason]
    if renamed:
        notes.append(
            f"{len(renamed)} column{'s' * (len(renamed) != 1)} must be renamed in the file before it can be loaded."
        )
    return notes
