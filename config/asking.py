"""Queries that every request asks: their SQL is put together once, which takes four times as long as to run it."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, Generic, TypeVar

from django.db import connections, models
from django.db.models.query import ModelIterable

ModelType = TypeVar("ModelType", bound=models.Model)
FIRST_NUMBER: Final = 1_900_000_000


@dataclass(frozen=True)
class _Compiled:
    using: str
    compiler: Any
    sql: str
    parameters: Sequence[Any]


class KeptQuery(Generic[ModelType]):
    """A queryset of instances with places for values. Of what it finds nothing is kept, only the SQL.

    build: gives the queryset, from one argument for each of `kinds`, which are `str` or `int`; it uses every one, as
    it is, in a condition. Prefetching is not for it, nor is `in`.
    """

    def __init__(self, build: Callable[..., "models.QuerySet[ModelType]"], *kinds: type) -> None:
        self._build = build
        # What stands for each value while the SQL is put together, and is like no constant of a queryset.
        self._marks = [FIRST_NUMBER + n if kind is int else f"\ue000{n}\ue000" for n, kind in enumerate(kinds)]
        self._compiled: _Compiled | None = None

    def all(self, *values: str | int) -> list[ModelType]:
        """The instances; one query."""
        kept = self._compiled = self._compiled or self._compile()
        given = dict(zip(self._marks, values, strict=True))
        parameters = tuple(given.get(each, each) for each in kept.parameters)
        compiler = copy(kept.compiler)
        compiler.connection = connections[kept.using]
        compiler.as_sql = lambda *_, **__: (kept.sql, parameters)
        query = SimpleNamespace(get_compiler=lambda using: compiler)
        queryset: Any = SimpleNamespace(db=kept.using, query=query, _known_related_objects={})
        return list(ModelIterable(queryset))

    def _compile(self) -> _Compiled:
        queryset = self._build(*self._marks)
        compiler = queryset.query.get_compiler(queryset.db)
        return _Compiled(queryset.db, compiler, *compiler.as_sql())

    def first(self, *values: str | int) -> ModelType | None:
        """The first instance, or None."""
        return next(iter(self.all(*values)), None)
