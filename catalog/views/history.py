"""The pages of a Table's past: its profile, its versions, what differs between two, going back to one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from catalog.comparison.unseen import unseen_difference
from catalog.contents import revert_table
from catalog.history.comparing import difference
from catalog.history.difference import CLASSES, Difference, Window
from catalog.history.versions import UnknownVersionError, find_version, versions_of
from catalog.models import Table, TableVersion
from catalog.profiles import version_profile, without_values
from catalog.sight import hidden_of
from catalog.views.lists import author, paginated
from catalog.views.summaries import BAR_HEIGHT, BAR_WIDTH, Bar, Shown, bars, shown
from catalog.writing import NonconformingError, StaleVersionError, Write
from config.models import COMMENT_LENGTH

ATTRIBUTES_SHOWN: Final = 48
COLUMNS_SHOWN: Final = 24
ROWS_SHOWN: Final = 100
CHARACTERS_READ: Final = 1_000  # of a text, so that a page of cells of megabytes is none
TOP_SHOWN: Final = 5


def _table(pk: str) -> Table:
    return get_object_or_404(Table.objects.with_object(), pk=pk)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _version(table: Table, text: str) -> TableVersion:
    """The version that a parameter names, or the newest where it is empty."""
    try:
        return find_version(table, (_number(text) or 0) if text else None)
    except UnknownVersionError as error:
        raise Http404(str(error)) from error


# --- the profile ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProfileCard:
    """An attribute's profile as its card shows it."""

    name: str
    type: str
    facts: list[tuple[str, str]]
    bars: list[Bar] = field(default_factory=list)
    width: int = 0
    low: str = ""
    high: str = ""
    top: list[tuple[Shown, int, int]] = field(default_factory=list)  # value, count, percent of the rows


def _card(found: Mapping[str, Any], row_count: int) -> ProfileCard:
    if found.get("masked"):
        return ProfileCard(found["name"], found["type"], [("Values", "sensitive: you may not see them")])
    drawn = list(bars(found.get("histogram", [])))
    return ProfileCard(
        found["name"],
        found["type"],
        list(_facts(found, row_count)),
        drawn,
        len(drawn) * BAR_WIDTH,
        str(found["histogram"][0]["from"]) if drawn else "",
        str(found["histogram"][-1]["to"]) if drawn else "",
        [
            (shown(each["value"]), each["count"], _percent(each["count"], row_count))
            for each in found["top_values"][:TOP_SHOWN]
            if each["count"] > 1 or found["distinct"] <= TOP_SHOWN
        ],
    )


def _percent(count: int, of: int) -> int:
    return round(100 * count / of) if of else 0


def _facts(found: Mapping[str, Any], row_count: int) -> Iterator[tuple[str, str]]:
    nulls, about = found["nulls"], "" if found["distinct_exact"] else "about "
    yield "Null", f"{nulls:,} ({_percent(nulls, row_count)} %)" if nulls else "none"
    if found.get("empty"):
        yield "Empty text", f"{found['empty']:,} ({_percent(found['empty'], row_count)} %)"
    all_differ = found["distinct"] == row_count - nulls and found["distinct_exact"] and row_count > nulls
    yield "Distinct", f"{about}{found['distinct']:,}" + (", every value once" if all_differ else "")
    if found.get("min") is not None:
        yield "Range", f"{shown(found['min']).text} to {shown(found['max']).text}"
    if found.get("mean") is not None:
        spread = f" ± {float(found['stddev']):,.4g}" if found.get("stddev") is not None else ""
        yield "Mean", f"{float(found['mean']):,.6g}{spread}"
    if found.get("quantiles", {}).get("50") is not None:
        middle = found["quantiles"]
        yield "Median", f"{middle['50']}; half of all from {middle['25']} to {middle['75']}"
    if found.get("lengths", {}).get("max") is not None:
        lengths = found["lengths"]
        yield "Length", f"{lengths['min']:,} to {lengths['max']:,}, {float(lengths['mean']):,.1f} in the mean"
    if found.get("kinds"):
        yield "Kinds", ", ".join(f"{name} {count:,}" for name, count in found["kinds"].items())


@require_safe
def table_profile(request: HttpRequest, pk: str) -> HttpResponse:
    """What the values of a version look like, a card to each attribute."""
    table = _table(pk)
    version = _version(table, request.GET.get("version", ""))
    names = version.object_version.schema.names
    page = Paginator(names, ATTRIBUTES_SHOWN).get_page(request.GET.get("page"))
    on_page = set(page.object_list)
    found = without_values(version_profile(version), hidden_of(request, version))
    cards = [_card(each, version.row_count) for each in found if each["name"] in on_page]
    context = {
        "table": table,
        "version": version,
        "is_current": version.number == table.version,
        "page": page,
        "cards": cards,
        "bar_height": BAR_HEIGHT,
        "bar_width": BAR_WIDTH - 1,
    }
    return render(request, "catalog/table_profile.html", context)


# --- the versions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiffCell:
    """A cell of a row that differs: its value, or what it was and is now; neither where it didn't change.

    unseen: how texts differ that look the same. is_masked: who looks may not see it, nor whether it changed.
    """

    value: Shown | None = None
    old: Shown | None = None
    new: Shown | None = None
    unseen: str = ""
    is_masked: bool = False


@dataclass(frozen=True)
class DiffRow:
    """A row that differs."""

    row_class: str
    row_id: int
    cells: list[DiffCell]


@dataclass(frozen=True)
class DiffPage:
    """What differs between two versions as the page shows it."""

    old: TableVersion
    new: TableVersion
    found: Difference
    columns: list[str]
    rows: list[DiffRow]
    hidden_columns: int
    total: int
    next_url: str
    masked: list[str]


def _diff_page(request: HttpRequest, table: Table) -> DiffPage | None:
    """The diff that the URL asks for; None if it asks for none."""
    parameters = request.GET
    if not parameters.get("from"):
        return None
    old, new = (_version(table, parameters.get(name, "")) for name in ("from", "to"))
    wanted = parameters.get("class", "")
    classes = (wanted,) if wanted in CLASSES else CLASSES
    window = Window(classes, _number(parameters.get("after", "")) or 0, ROWS_SHOWN + 1, characters=CHARACTERS_READ)
    masked = hidden_of(request, old, new)
    found = difference(old, new, window, masked)
    rows = found.rows[:ROWS_SHOWN]
    names = list(dict.fromkeys([*new.object_version.schema.names, *old.object_version.schema.names]))
    if len(names) > COLUMNS_SHOWN:  # those that changed come first
        names.sort(key=lambda name: name not in found.attributes)
    columns = names[:COLUMNS_SHOWN]
    following = parameters.copy()
    if rows:
        following["after"] = str(rows[-1]["_id"])
    return DiffPage(
        old,
        new,
        found,
        columns,
        [DiffRow(row["class"], row["_id"], [_diff_cell(row, name, masked) for name in columns]) for row in rows],
        len(names) - len(columns),
        sum(found.counts[name] for name in classes),
        "?" + following.urlencode() if len(found.rows) > ROWS_SHOWN else "",
        sorted(masked),
    )


def _diff_cell(row: Mapping[str, Any], name: str, masked: Collection[str]) -> DiffCell:
    if name in masked:
        return DiffCell(is_masked=True)
    if "row" in row:
        return DiffCell(shown(row["row"][name])) if name in row["row"] else DiffCell()
    cell = row["cells"].get(name)
    if not cell:
        return DiffCell()
    old, new = cell["old"], cell["new"]
    if old == new:  # as much of them as was read
        unseen = f"they differ behind the first {CHARACTERS_READ:,} characters"
    else:
        unseen = unseen_difference(old, new) or _behind_what_is_shown(old, new)
    return DiffCell(old=shown(old), new=shown(new), unseen=unseen)


def _behind_what_is_shown(old: Any, new: Any) -> str:
    return "they differ behind what is shown" if None not in (old, new) and shown(old) == shown(new) else ""


@require_http_methods(["GET", "HEAD", "POST"])
def table_versions(request: HttpRequest, pk: str) -> HttpResponse:
    """All versions; what differs between two that are picked; a form to go back to one, with the reason."""
    table = _table(pk)
    if request.method == "POST":
        return _go_back(request, table)
    page = paginated(request, versions_of(table))
    context = {
        "table": table,
        "page": page,
        "diff": _diff_page(request, table),
        "classes": CLASSES,
        "picked_from": _number(request.GET.get("from", "")) or _previous(list(page)),
        "picked_to": _number(request.GET.get("to", "")) or table.version,
        "message_length": COMMENT_LENGTH,
    }
    return render(request, "catalog/table_versions.html", context)


def _previous(versions: Sequence[TableVersion]) -> int:
    """The version before the newest that is shown."""
    return versions[1].number if len(versions) > 1 else 0


def _go_back(request: HttpRequest, table: Table) -> HttpResponse:
    number, expected = (_number(request.POST.get(name, "")) for name in ("version", "expected_version"))
    reason = request.POST.get("message", "").replace("\0", "").strip()[:COMMENT_LENGTH]
    if number is None or expected is None:
        raise Http404("There is no such version.")
    _version(table, str(number))
    try:
        revert_table(table, number, Write(author(request), reason or f"Back to version {number}", expected))
    except TableVersion.DoesNotExist as error:
        raise Http404("There is no such version any more.") from error
    except (StaleVersionError, NonconformingError) as error:
        messages.error(request, f"Nothing was changed. {error}")
    else:
        messages.success(request, f"The rows of version {number} are current again, as version {table.version}.")
    return redirect(reverse("table-versions", args=[table.pk]))
