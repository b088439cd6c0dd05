"""Bins of a histogram: about 20, with round ends, in the type of the values. Pure: no Django."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Final

BINS: Final = 20
DIGITS: Final = 700  # enough to add the largest double to the smallest

MICROSECOND: Final = Decimal(1)
SECOND: Final = 1_000_000 * MICROSECOND
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@dataclass(frozen=True)
class Scale:
    """How the values of a DuckDB type are counted.

    number, text: from the value's text to a number, and back. step: how far two neighbours are apart; None where
    values are continuous. units: what the width of a bin is a multiple of, from small to large; () for powers of ten.
    """

    number: Callable[[str], Decimal]
    text: Callable[[Decimal], str]
    step: Decimal | None = None
    units: Sequence[Decimal] = ()


@dataclass(frozen=True)
class Bin:
    """Values from `first` to `last`, as text; `last` is within. `first` is too, but where values are continuous and
    another bin ends with it."""

    first: str
    last: str


def bins(scale: Scale, low: str, high: str) -> list[Bin]:
    """The bins between the lowest and the highest value."""
    with localcontext(prec=DIGITS):
        return list(_bins(scale, scale.number(low), scale.number(high)))


def _bins(scale: Scale, low: Decimal, high: Decimal) -> Sequence[Bin]:
    step = scale.step or Decimal(0)
    wanted = (high - low + step) / BINS
    if high == low:
        return [Bin(scale.text(low), scale.text(high))]
    unit, width = _round_width(wanted, scale.units)
    width, begin = max(width, step), unit if scale.units else max(width, step)
    start = begin * (low / begin).to_integral_value("ROUND_FLOOR")
    found: list[Bin] = []
    first = start
    while first <= high:
        last = min(first + width - step, high)
        text = scale.text(last)
        if not found or found[-1].last != text:  # neighbouring doubles have nothing between them
            found.append(Bin(scale.text(max(first, low)), text))
        if last >= high:
            break
        first = last + step
    return found


def _round_width(width: Decimal, units: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """A unit and the next round width: 1, 2, 5 or 10 of a power of ten; or any number of the largest unit within."""
    fitting = [unit for unit in units if unit <= width]
    unit = fitting[-1] if fitting else units[0] if units else Decimal(1).scaleb(width.adjusted())
    multiple = (width / unit).to_integral_value("ROUND_CEILING")
    if units:
        return unit, multiple * unit
    return unit, next(factor for factor in (1, 2, 5, 10) if factor >= multiple) * unit


def scale_of(duckdb_type: str) -> Scale | None:
    """The scale of a column's type; None for types without one."""
    if duckdb_type.startswith("DECIMAL("):
        places = int(duckdb_type.rstrip(")").rpartition(",")[2])
        return Scale(Decimal, lambda number: f"{number:f}", Decimal(1).scaleb(-places))
    return _SCALES.get(duckdb_type)


def _day_number(text: str) -> Decimal:
    return Decimal(date.fromisoformat(text).toordinal())


def _microseconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1))


def _moment(text: str) -> Decimal:
    return _microseconds(datetime.fromisoformat(text) - datetime.min)


def _moment_text(number: Decimal) -> str:
    return str(datetime.min + timedelta(microseconds=int(number)))


def _time_of_day(text: str) -> Decimal:
    return _microseconds(datetime.combine(date.min, time.fromisoformat(text)) - datetime.min)


def _time_text(number: Decimal) -> str:
    return str((datetime.min + timedelta(microseconds=int(number))).time())


_WHOLE: Final = Scale(Decimal, lambda number: str(int(number)), Decimal(1))
_CLOCK: Final = (MICROSECOND, SECOND, MINUTE, HOUR, DAY)
_SCALES: Final[Mapping[str, Scale]] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), _WHOLE),
    "DOUBLE": Scale(lambda text: Decimal(repr(float(text))), lambda number: repr(float(number))),
    "DATE": Scale(
        _day_number, lambda number: date.fromordinal(int(number)).isoformat(), Decimal(1), (Decimal(1), Decimal(7))
    ),
    "TIME": Scale(_time_of_day, _time_text, MICROSECOND, _CLOCK),
    "TIMESTAMP": Scale(_moment, _moment_text, MICROSECOND, _CLOCK),
    "TIMESTAMP WITH TIME ZONE": Scale(_moment, _moment_text, MICROSECOND, _CLOCK),
}
