"""Cursors: where a page begins, signed, and bound to the query that it belongs to.

A cursor names a row and the version in which it stood there. Pages that follow read that version, so that they neither
repeat nor lose a row while others write; the values to go on from are looked up in it, at any depth.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.core import signing

from catalog.queries import QueryError, RowQuery
from config.problems import Problem, pointer

_SIGNER: Final = signing.Signer(sep=".", salt="catalog.cursors")
_LENGTH: Final = 1_000
GONE: Final = "The row at which the cursor stood is gone; begin again without after."
OTHER_QUERY: Final = (
    "after is a cursor of another query; table, version, filters, ordering and fields stay the same from page to page."
)


@dataclass(frozen=True)
class Cursor:
    """A row by its identity (`_id`, or `_table` and `_id`) and the version of its Table.

    digest: of the query that the cursor belongs to. is_backwards: the page lies before the row.
    """

    digest: str
    version: int
    identity: tuple[Any, ...]
    is_backwards: bool = False

    def __str__(self) -> str:
        return _SIGNER.sign_object([self.digest, self.version, int(self.is_backwards), *self.identity])

    def check(self, query: RowQuery, place: str) -> None:
        """Raise QueryError unless the cursor belongs to this query at this place (see `RowQuery.digest`)."""
        if self.digest != query.digest(place):
            raise cursor_error(OTHER_QUERY)


def read_cursor(text: str) -> Cursor:
    """The cursor of a text. Raises QueryError if it is none of ours."""
    try:
        digest, version, is_backwards, *identity = _SIGNER.unsign_object(text[:_LENGTH])
    except (signing.BadSignature, ValueError) as error:
        raise cursor_error("after is no cursor of this site; take it from `next` or `previous` as it is.") from error
    return Cursor(digest, version, tuple(identity), bool(is_backwards))


def cursor_error(message: str) -> QueryError:
    """What to raise of a cursor that can't be used."""
    return QueryError([Problem(pointer("after"), "cursor", message)])
