"""What commands that compare have in common: their options, and how what differs is shown."""

from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalog.comparison import ComparisonOptions, OptionError, RowDiff, TableDiff, parse_options
from catalog.comparison.paging import LISTED_CLASSES, Differences, Page
from catalog.comparison.unseen import unseen_difference
from catalog.management.lookup import WRONG_USAGE
from config.console import counted, text_table
from config.exact_json import load_json
from config.problems import nearest

LISTED_ROWS: Final = 50
SHOWN_CHARACTERS: Final = 200
OPTIONS: Final = ("key", "ignore", "ordered", "subset", "tolerance", "normalize_unicode", "options", "classes")


def add_comparison_options(parser: CommandParser, description: str | None = None) -> None:
    """The options of a comparison, as a group of their own."""
    group = parser.add_argument_group("options of the comparison", description)
    group.add_argument("--key", default="", help="the attributes that identify a row, such as id,day")
    group.add_argument("--ignore", default="", help="attributes that are not compared, comma-separated")
    group.add_argument("--ordered", action="store_true", help="the order of rows counts")
    group.add_argument("--subset", action="store_true", help="actual may have more rows and attributes")
    group.add_argument(
        "--tolerance",
        type=_tolerance,
        action="append",
        default=[],
        help="how far numbers may be apart, such as 0.01, or amount=0.01 for one attribute; may be repeated",
    )
    group.add_argument("--normalize-unicode", action="store_true", help="compare texts in Unicode's form NFC")
    group.add_argument(
        "--options",
        help='more options of a comparison as JSON, such as {"rel_tol": 0.001, "null_equal": false, "matchers": '
        '[{"attribute": "at", "matcher": {"$not_null": true}}]}',
    )
    group.add_argument("--class", dest="classes", default="", help=f"only rows of these: {','.join(LISTED_CLASSES)}")


def _tolerance(text: str) -> tuple[str, float]:
    """`0.01` for all numbers, or `amount=0.01` for one attribute."""
    name, _, number = text.rpartition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is neither a number nor such as amount=0.01") from error


def is_asked(options: Mapping[str, Any]) -> bool:
    """Whether any of these options is given."""
    return any(options[name] for name in OPTIONS)


def chosen_classes(text: str) -> tuple[str, ...]:
    """The classes that --class names. CommandError for one that there is not."""
    classes = tuple(each for each in text.split(",") if each) or LISTED_CLASSES
    for each in classes:
        if each not in LISTED_CLASSES:
            raise CommandError(f"--class has {each!r}; {nearest(each, LISTED_CLASSES)}", returncode=WRONG_USAGE)
    return classes


def chosen_options(options: Mapping[str, Any], names: Sequence[str]) -> ComparisonOptions:
    """The options of a comparison of these attributes. CommandError with all that is wrong with them."""
    raw: dict[str, Any] = {"ordered": options["ordered"], "normalize_unicode": options["normalize_unicode"]}
    raw |= {name: _names(options[name], names) for name in ("key", "ignore") if options[name]}
    raw |= {"mode": "subset"} if options["subset"] else {}
    for name, tolerance in options["tolerance"]:
        if name:
            raw.setdefault("per_attribute", {})[name] = {"abs_tol": tolerance}
        else:
            raw["abs_tol"] = tolerance
    given = {name for name, value in raw.items() if value}
    more = _json_options(options["options"])
    for name in more:
        if name in given:
            message = f"--options has {name!r}, which another option says already; give it once."
            raise CommandError(message, returncode=WRONG_USAGE)
    try:
        return parse_options(raw | more, names)
    except OptionError as error:
        raise CommandError("\n".join(message for *_, message in error.problems), returncode=WRONG_USAGE) from error


def _names(text: str, known: Sequence[str]) -> list[str]:
    """The attributes of a list; a name that holds a comma may stand alone."""
    return [text] if text in known else text.split(",")


def _json_options(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = load_json(text.encode())
    except ValueError as error:
        raise CommandError(f"--options is no JSON: {error}.", returncode=WRONG_USAGE) from error
    if not isinstance(found, dict):
        raise CommandError('--options is an object such as {"null_equal": false}.', returncode=WRONG_USAGE)
    return found


# --- what differs ---------------------------------------------------------------------------------------------------


def document(found: Differences, page: Page) -> dict[str, Any]:
    """What differs, for JSON."""
    rows, _ = found.rows(page)
    answer = {**found.diff.as_dict(), "rows": [row.as_dict() for row in rows]}
    answer["rows_truncated"] = len(rows) < _listed_count(found.diff, page)
    return answer


def report(found: Differences, page: Page) -> Iterator[str]:
    """What differs, for people."""
    diff = found.diff
    yield diff.summary
    shape = diff.shape
    for word, names in (("missing", shape.missing_attributes), ("unexpected", shape.unexpected_attributes)):
        if names:
            yield f"{word} attributes: {', '.join(names)}"
    for each in shape.type_mismatches:
        yield f"{each.attribute} is {each.actual}; expected is {each.expected}"
    yield from diff.notes
    page = Page(page.classes, limit=page.limit or LISTED_ROWS)
    rows, _ = found.rows(page)
    if rows:
        yield text_table(("class", "row", "attribute", "expected", "actual"), _cells(rows))
    left = _listed_count(diff, page) - len(rows)
    if left > 0:
        yield f"... and {counted(left, 'more row')}"


def _listed_count(diff: TableDiff, page: Page) -> int:
    return sum(diff.counts[row_class] for row_class in page.classes)


def _cells(rows: Sequence[RowDiff]) -> Iterator[tuple[object, ...]]:
    """A line for each cell that changed, and one for each other row."""
    for row in rows:
        place = row.actual_position if row.expected_position is None else row.expected_position
        named = ", ".join(f"{name} {shown_value(value)}" for name, value in row.key.items()) or place
        if row.cells:
            for name, cell in row.cells.items():
                yield row.row_class, named, name, *shown_change(cell["expected"], cell["actual"])
            continue
        text = ", ".join(f"{name} {shown_value(value)}" for name, value in (row.row or {}).items())
        is_actual = row.row_class == "unexpected"
        yield row.row_class, named, "", "" if is_actual else text, text if is_actual else ""


def shown_change(before: Any, after: Any, characters: int = SHOWN_CHARACTERS) -> tuple[str, str]:
    """Both values of a cell; behind the second, how texts differ that look the same."""
    one, other = shown_value(before, characters), shown_value(after, characters)
    unseen = unseen_difference(before, after)
    if not unseen and one == other and None not in (before, after):
        unseen = "they differ behind what is shown"
    return one, f"{other} ({unseen})" if unseen else other


def shown_value(value: Any, characters: int = SHOWN_CHARACTERS) -> str:
    """A value on one line, cut where it is long; text in quotes where its ends would not be seen."""
    if value is None:
        return "null"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    is_cut, text = len(text) > characters, text[:characters]
    if isinstance(value, str) and (text != text.strip() or not text.isprintable() or not text):
        text = repr(text)
    return text + "\u2026" * is_cut
