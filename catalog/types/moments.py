"""Dates, times, datetimes, months and durations. Pure: no Django."""

from catalog.engine import quote_text
from catalog.types.cells import as_varchar, quoted, same, via_string
from catalog.types.settings import ORDERED, AttributeType, Read, Settings

_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = "[0-5][0-9]([.][0-9]{1,6}0*)?"


def strptime_format(attribute: Settings) -> str | None:
    """The format in which a moment stands in text; None for ISO 8601. `fmt:` is how the first Table Schema wrote it."""
    form = (attribute.format or "default").removeprefix("fmt:")
    return None if form == "default" else form


def _by_format(attribute: Settings, cell: str, form: str) -> str:
    """A cell read by its format; white space around it, which strptime passes over, is refused."""
    moment = f"TRY_STRPTIME(CASE WHEN {cell} = trim({cell}) THEN {cell} END, {quote_text(form)})"
    return f"CAST({moment} AS {DUCKDB_TYPES[attribute.type](attribute)})"


def _datetime_column(attribute: Settings) -> str:
    return "TIMESTAMP WITH TIME ZONE" if attribute.timezone else "TIMESTAMP"


DUCKDB_TYPES = {
    "date": lambda attribute: "DATE",
    "time": lambda attribute: "TIME",
    "datetime": _datetime_column,
}


def _in_calendar(attribute: Settings, value: str) -> str:
    """A date or datetime of the years 1 to 9999, which every client can hold; infinity is none."""
    column = DUCKDB_TYPES[attribute.type](attribute)
    first, last = (f"CAST('{day}' AS {column})" for day in ("0001-01-01", "9999-12-31"))
    return f"CASE WHEN {value} >= {first} AND {value} < {last} + INTERVAL 1 DAY THEN {value} END"


def _fixed_form(cell: str, form: str, length: int, condition: str = "") -> str:
    """A case for JSON strings of just this length in a strptime form, whose fields then all have their full width."""
    usual = f"length({cell}) = {length + 2} AND NOT starts_with({cell}, '\"0'){condition}"
    return f"WHEN {usual} THEN TRY_STRPTIME({cell}, '\"{form}\"')"


def _written_by_format(iso: Read) -> Read:
    """The text of a moment as its attribute reads it."""

    def write(attribute: Settings, column: str) -> str:
        form = strptime_format(attribute)
        if form is None:
            return iso(attribute, column)
        moment = f"DATE '1900-01-01' + {column}" if attribute.type == "time" else column
        zoned = f"strftime({moment} AT TIME ZONE 'UTC', {quote_text(form.replace('%z', '+00').replace('%Z', 'UTC'))})"
        return zoned if attribute.timezone else f"strftime({moment}, {quote_text(form)})"

    return write


def _read_by_format(iso: Read) -> Read:
    def read(attribute: Settings, cell: str) -> str:
        form = strptime_format(attribute)
        if form is None:
            return iso(attribute, cell)
        moment = _by_format(attribute, cell, form)
        return moment if attribute.type == "time" else _in_calendar(attribute, moment)

    return read


# --- date -----------------------------------------------------------------------------------------------------------


def _date_from_iso(attribute: Settings, cell: str) -> str:
    lexical = f"regexp_full_match({cell}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
    return f"CASE WHEN {lexical} THEN {_in_calendar(attribute, f'TRY_CAST({cell} AS DATE)')} END"


def _date_from_usual_json(attribute: Settings, cell: str) -> str:
    return f"CAST(CASE {_fixed_form(cell, '%Y-%m-%d', 10)} END AS DATE)"


def _date_from_timestamp(attribute: Settings, cell: str) -> str:
    value = f"TRY_CAST({cell} AS DATE)"
    return _in_calendar(attribute, f"CASE WHEN {value} = {cell} THEN {value} END")


DATE = AttributeType(
    title="a date such as 2026-01-31",
    duckdb_type=DUCKDB_TYPES["date"],
    from_json=via_string(_date_from_iso),
    from_usual_json=_date_from_usual_json,
    from_text=_read_by_format(_date_from_iso),
    from_columns={"date": _in_calendar, "timestamp": _date_from_timestamp},
    constraints=ORDERED,
    to_text=_written_by_format(as_varchar),
    to_json=quoted(as_varchar),
    settings=frozenset({"format"}),
)


# --- time -----------------------------------------------------------------------------------------------------------


def _time_from_iso(attribute: Settings, cell: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({cell}, '{_TIME}:{_SECONDS}') THEN TRY_CAST({cell} AS TIME) "
        f"WHEN regexp_full_match({cell}, '{_TIME}') THEN TRY_CAST({cell} || ':00' AS TIME) END"
    )


def _time_from_column(attribute: Settings, cell: str) -> str:
    return f"CASE WHEN {cell} < TIME '24:00:00' THEN CAST({cell} AS TIME) END"


TIME = AttributeType(
    title="a time of day such as 12:30:00",
    duckdb_type=DUCKDB_TYPES["time"],
    from_json=via_string(_time_from_iso),
    from_usual_json=via_string(_time_from_iso),
    from_text=_read_by_format(_time_from_iso),
    from_columns={"time": _time_from_column},
    constraints=ORDERED,
    to_text=_written_by_format(as_varchar),
    to_json=quoted(as_varchar),
    settings=frozenset({"format"}),
)


# --- datetime -------------------------------------------------------------------------------------------------------


def _datetime_from_iso(attribute: Settings, cell: str) -> str:
    offset = "(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)" if attribute.timezone else ""
    minutes = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_TIME}"
    completed = f"left({cell}, 16) || ':00' || substring({cell}, 17)"
    whole = (
        f"CASE WHEN regexp_full_match({cell}, '{minutes}:{_SECONDS}{offset}') THEN {cell} "
        f"WHEN regexp_full_match({cell}, '{minutes}{offset}') THEN {completed} END"
    )
    return _in_calendar(attribute, f"TRY_CAST(({whole}) AS {_datetime_column(attribute)})")


def _datetime_from_usual_json(attribute: Settings, cell: str) -> str:
    """To the second, with T and, where there is a time zone, Z; without one also with a fraction, in more steps."""
    if attribute.timezone:
        return f"(CASE {_fixed_form(cell, '%Y-%m-%dT%H:%M:%SZ', 20)} END) AT TIME ZONE 'UTC'"
    lexical = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
    value = f"TRY_CAST(substring({cell}, 2, length({cell}) - 2) AS TIMESTAMP)"
    usual = _fixed_form(cell, "%Y-%m-%dT%H:%M:%S", 19, f" AND contains({cell}, 'T')")
    return f"CASE {usual} WHEN regexp_full_match({cell}, '\"{lexical}\"') THEN {value} END"


def _datetime_from_date(attribute: Settings, cell: str) -> str:
    return _in_calendar(attribute, f"CAST({cell} AS {_datetime_column(attribute)})")


def _datetime_to_iso(attribute: Settings, column: str) -> str:
    """ISO 8601 with T; instants in UTC with Z."""
    if attribute.timezone:
        return f"replace(CAST({column} AT TIME ZONE 'UTC' AS VARCHAR), ' ', 'T') || 'Z'"
    return f"replace(CAST({column} AS VARCHAR), ' ', 'T')"


DATETIME = AttributeType(
    title="a date and time such as 2026-01-31T12:30:00",
    duckdb_type=_datetime_column,
    from_json=via_string(_datetime_from_iso),
    from_usual_json=_datetime_from_usual_json,
    from_text=_read_by_format(_datetime_from_iso),
    from_columns={"timestamp": _in_calendar, "timestamptz": _in_calendar, "date": _datetime_from_date},
    constraints=ORDERED,
    to_text=_written_by_format(_datetime_to_iso),
    to_json=quoted(_datetime_to_iso),
    settings=frozenset({"timezone", "format"}),
)


# --- yearmonth ------------------------------------------------------------------------------------------------------
# Text of one width, YYYY-MM: its order as text is the order of months, and it casts, groups and shows as what it is.


def _yearmonth_from_text(attribute: Settings, cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}-(0[1-9]|1[0-2])') THEN {cell} END"


def _yearmonth_from_date(attribute: Settings, cell: str) -> str:
    """The first day of a month stands for it, which is what date_trunc('month', ...) gives."""
    in_calendar = f"{cell} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
    return f"CASE WHEN day({cell}) = 1 AND {in_calendar} THEN strftime({cell}, '%Y-%m') END"


YEARMONTH = AttributeType(
    title="a month of a year such as 2026-01",
    duckdb_type=lambda attribute: "VARCHAR",
    from_json=via_string(_yearmonth_from_text),
    from_usual_json=via_string(_yearmonth_from_text),
    from_text=_yearmonth_from_text,
    from_columns={"varchar": _yearmonth_from_text, "date": _yearmonth_from_date},
    constraints=ORDERED,
    to_text=same,
    to_json=quoted(same),
)


# --- duration -------------------------------------------------------------------------------------------------------
# Text in one canonical form, so that equal durations are equal: PT90M is stored as PT1H30M, P14M as P1Y2M, PT24H as
# P1D (XML Schema: months and seconds are the value). Parquet keeps intervals neither exactly nor below zero. In order
# they are DuckDB's intervals, where a month counts as 30 days.

_DURATION = (
    "(-?)P(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,7})D)?"
    "(T(?:([0-9]{1,8})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,11})(?:[.]([0-9]{1,6})0*)?S)?)?"
)
_PARTS = ("sign", "years", "months", "days", "clock", "hours", "minutes", "seconds", "fraction")
_DAY = 86_400_000_000


def _duration_parts(text: str) -> tuple[str, str, str]:
    """SQL of the sign (-1 or 1), the months and the microseconds of a duration's text."""
    names = ", ".join(quote_text(name) for name in _PARTS)
    found = f"regexp_extract({text}, {quote_text(f'^{_DURATION}$')}, [{names}])"

    def part(name: str) -> str:
        return f"CAST(coalesce(nullif({found}.{name}, ''), '0') AS BIGINT)"

    micros = (
        f"({part('days')} * {_DAY} + {part('hours')} * 3600000000 + {part('minutes')} * 60000000 "
        f"+ {part('seconds')} * 1000000 + CAST(rpad({found}.fraction, 6, '0') AS BIGINT))"
    )
    return f"(CASE {found}.sign WHEN '-' THEN -1 ELSE 1 END)", f"({part('years')} * 12 + {part('months')})", micros


def _canonical_duration(sign: str, months: str, micros: str) -> str:
    """SQL of the one text of a duration of so many months and microseconds, both of at least 0."""

    def unit(count: str, letter: str) -> str:
        return f"CASE WHEN {count} > 0 THEN {count} || '{letter}' ELSE '' END"

    seconds = f"({micros} % 60000000)"
    fraction = f"rtrim(lpad(CAST({seconds} % 1000000 AS VARCHAR), 6, '0'), '0')"
    dotted = f"CASE WHEN {seconds} % 1000000 > 0 THEN '.' || {fraction} ELSE '' END"
    clock = (
        f"{unit(f'({micros} % {_DAY} // 3600000000)', 'H')} || {unit(f'({micros} % 3600000000 // 60000000)', 'M')} || "
        f"CASE WHEN {seconds} > 0 THEN ({seconds} // 1000000) || {dotted} || 'S' ELSE '' END"
    )
    date = (
        f"{unit(f'({months} // 12)', 'Y')} || {unit(f'({months} % 12)', 'M')} || {unit(f'({micros} // {_DAY})', 'D')}"
    )
    whole = f"'P' || {date} || CASE WHEN {micros} % {_DAY} > 0 THEN 'T' || {clock} ELSE '' END"
    minus = f"CASE WHEN {sign} < 0 THEN '-' ELSE '' END"
    return f"CASE WHEN {months} = 0 AND {micros} = 0 THEN 'PT0S' ELSE {minus} || {whole} END"


def _duration_from_text(attribute: Settings, cell: str) -> str:
    """A canonical duration; P and PT alone are none, nor is a T with nothing behind it."""
    lexical = f"regexp_full_match({cell}, {quote_text(_DURATION)}) AND NOT regexp_matches({cell}, '[PT]$')"
    return f"CASE WHEN {lexical} THEN {_canonical_duration(*_duration_parts(cell))} END"


def duration_from_interval(cell: str) -> str:
    """SQL of an interval as a duration. One whose months and days point in different ways is none: an error."""
    months = f"(datepart('year', {cell}) * 12 + datepart('month', {cell}))"
    micros = (
        f"(datepart('day', {cell}) * {_DAY} + datepart('hour', {cell}) * 3600000000 "
        f"+ datepart('minute', {cell}) * 60000000 + datepart('microsecond', {cell}))"
    )
    sign = f"least(sign({months}), sign({micros}))"
    text = _canonical_duration(sign, f"abs({months})", f"abs({micros})")
    mixed = "error('An interval of months and days with different signs is no duration of ISO 8601.')"
    return f"CASE WHEN {cell} IS NULL THEN NULL WHEN sign({months}) * sign({micros}) < 0 THEN {mixed} ELSE {text} END"


def _duration_from_column(attribute: Settings, cell: str) -> str:
    return duration_from_interval(cell)


def duration_as_interval(column: str) -> str:
    """SQL of a stored duration as DuckDB's INTERVAL."""
    sign, months, micros = _duration_parts(column)
    return f"to_months(CAST({sign} * {months} AS INTEGER)) + to_microseconds({sign} * {micros})"


DURATION = AttributeType(
    title="a duration such as P1DT2H30M",
    duckdb_type=lambda attribute: "VARCHAR",
    from_json=via_string(_duration_from_text),
    from_usual_json=via_string(_duration_from_text),
    from_text=_duration_from_text,
    from_columns={"varchar": _duration_from_text, "interval": _duration_from_column},
    constraints=ORDERED,
    to_text=same,
    to_json=quoted(same),
    compared=duration_as_interval,
)
