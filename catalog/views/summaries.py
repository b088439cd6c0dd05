"""Values and columns in few words, as pages show them: of a profile, its cards and the head of a table."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.models import TableProfile, TableVersion

SHOWN_CHARACTERS: Final = 200
RANGE_CHARACTERS: Final = 24
BAR_HEIGHT: Final = 40
BAR_WIDTH: Final = 10


@dataclass(frozen=True)
class Shown:
    """A value as text; `kind` is "null", "empty" or "text"."""

    text: str
    kind: str = "text"


def shown(value: Any, characters: int = SHOWN_CHARACTERS) -> Shown:
    """A value, cut where it is long."""
    if value is None:
        return Shown("null", "null")
    if value == "":
        return Shown("empty text", "empty")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Shown(text if len(text) <= characters else text[:characters] + "…")


@dataclass(frozen=True)
class Bar:
    """A bin of a histogram, as a rectangle."""

    x: int
    y: int
    height: int
    words: str


def bars(histogram: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """The bins of a histogram, the fullest BAR_HEIGHT high; each says in words what it is."""
    most = max((each["count"] for each in histogram), default=0)
    low: Any = None
    for place, each in enumerate(histogram):
        low = each.get("from", low)
        height = -(-each["count"] * BAR_HEIGHT // most) if most else 0
        yield Bar(
            place * BAR_WIDTH, BAR_HEIGHT - height, height, f"{low} to {each['to']}: {counted(each['count'], 'row')}"
        )
        low = each["to"]


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


@dataclass(frozen=True)
class Summary:
    """A column in a few lines, and its histogram."""

    lines: list[str] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    @property
    def width(self) -> int:
        return len(self.bars) * BAR_WIDTH


def summaries(version: TableVersion, names: Sequence[str], hidden: Collection[str] = ()) -> list[Summary]:
    """A summary to each of these attributes, from the profile that is kept; none if none is. One query.

    hidden: attributes of which nothing may be told.
    """
    document = TableProfile.objects.filter(version=version.pk).values_list("document", flat=True).first()
    if document is None:
        return []
    by_name = {each["name"]: each for each in document if each["name"] not in hidden}
    return [_summary(by_name[name]) if name in by_name else Summary() for name in names]


def _summary(found: Mapping[str, Any]) -> Summary:
    lines = [f"{found['nulls']:,} null"] if found["nulls"] else []
    lines += [f"{found['empty']:,} empty"] if found.get("empty") else []
    lines.append(f"{'' if found['distinct_exact'] else 'about '}{found['distinct']:,} distinct")
    if found.get("min") is not None:
        low, high = (shown(found[end], RANGE_CHARACTERS).text for end in ("min", "max"))
        lines.append(low if low == high else f"{low} to {high}")
    return Summary(lines, list(bars(found.get("histogram", []))))
