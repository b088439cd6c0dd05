"""How the header of a file may differ from the attributes of an Object: `fieldsMatch`. Pure: no Django."""

from collections.abc import Iterator, Sequence

from catalog.rules.definition import ATTRIBUTE_LIMIT
from catalog.schema import Schema
from catalog.sources import BESIDE_ROWS, MEMBER_LIMIT, Fault
from config.problems import nearest

MAY_BRING_MORE = ("subset", "partial")
MAY_LACK = ("superset", "partial")
RENAMING = "the option header gives the columns other names"


def header_faults(header: Sequence[str], schema: Schema, line: int | None = 1) -> Iterator[Fault]:
    """What is wrong with a header, by the Object's `fieldsMatch`; `line` is where it stands.

    exact: these names in this order; equal: in any order; subset: the file may bring more; superset: it may lack some;
    partial: both, but it has at least one. A name of BESIDE_ROWS is no part of a row.
    """
    if not header:
        wanted = ", ".join(schema.names)
        yield Fault(0, "malformed", f"The file is empty; its first line names the attributes: {wanted}", line=line)
        return
    if too_wide := width_fault(len(header), line):
        yield too_wide
        return
    yield from _name_faults(header, schema, line)
    present = set(header)
    if schema.fields_match not in MAY_LACK:
        for name in schema.names:
            if name not in present:
                yield Fault(0, "missing_attribute", f"{name!r} is not in the header", name, line)
    elif not present & set(schema.names):
        wanted = ", ".join(schema.names)
        yield Fault(0, "missing_attribute", f"The header has none of the attributes: {wanted}", line=line)
    if schema.fields_match == "exact":
        yield from _order_faults([name for name in header if name not in BESIDE_ROWS], schema, line)


def width_fault(column_count: int, line: int | None = 1) -> Fault | None:
    """What is wrong with a header of more columns than any Object can have, whatever they are called."""
    if column_count <= MEMBER_LIMIT:
        return None
    message = f"The header has {column_count} columns; an Object has at most {ATTRIBUTE_LIMIT} attributes"
    return Fault(0, "out_of_range", message, line=line)


def _name_faults(header: Sequence[str], schema: Schema, line: int | None) -> Iterator[Fault]:
    """Names that stand twice, or that are no attributes where none but these may come."""
    attributes, present = set(schema.names), set(header)
    absent = [name for name in schema.names if name not in present]
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if name in attributes and name in seen:
            yield Fault(0, "duplicate_attribute", f"{name!r} stands twice in the header; {RENAMING}", name, line)
        elif name not in attributes and name not in BESIDE_ROWS and schema.fields_match not in MAY_BRING_MORE:
            if name in seen:
                yield Fault(0, "duplicate_attribute", f"{name!r} stands twice in the header; {RENAMING}", name, line)
            else:
                hint = nearest(name, absent) if name else RENAMING
                unknown = f"{name!r} is no attribute" if name else f"Column {place} of the header has no name"
                yield Fault(0, "unknown_attribute", f"{unknown}; {hint}", name, line)
        seen.add(name)


def _order_faults(header: Sequence[str], schema: Schema, line: int | None) -> Iterator[Fault]:
    """The first name that stands in another's place, where all are there."""
    if sorted(header) != sorted(schema.names):
        return
    for place, (name, wanted) in enumerate(zip(header, schema.names, strict=True), start=1):
        if name != wanted:
            message = f"Column {place} of the header is {name!r}; in this order it must be {wanted!r}"
            yield Fault(0, "missing_attribute", message, wanted, line)
            return
