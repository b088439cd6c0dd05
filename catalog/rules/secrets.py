"""Secrets of a Configuration: ``{"$env": "NAME"}`` stands for a variable of the environment. Pure: no Django.

A secret itself is never stored. Only variables that a setting allows may be named: a Configuration says where data
goes, so whoever may write one could else send the server's own keys anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from config.problems import Problem, pointer

REFERENCE = "$env"


class ConfigurationError(Exception):
    """A Configuration can't be used now. The message is a sentence for its author, without any value."""


@dataclass(frozen=True)
class ResolvedConfiguration:
    """A Configuration with its secrets in place, and those values apart, so that they can be hidden.

    Never stored, shown or logged: neither is part of its representation.
    """

    values: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def check_references(config: Any, allowed: Iterable[str]) -> list[Problem]:
    """What is wrong with the references to the environment. ``allowed``: names, or patterns such as ``EXEMPLAR_*``."""
    patterns = tuple(allowed)
    return [
        Problem(place, *finding)
        for place, node in _references(config)
        for finding in [_wrong_reference(node, patterns)]
        if finding
    ]


def resolve_references(
    config: Mapping[str, Any], environment: Mapping[str, str], allowed: Iterable[str]
) -> ResolvedConfiguration:
    """The configuration with each reference replaced. Raises ConfigurationError for one that can't be."""
    patterns = tuple(allowed)
    secrets: set[str] = set()

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(each) for each in node]
        if not isinstance(node, Mapping):
            return node
        if REFERENCE not in node:
            return {name: resolved(each) for name, each in node.items()}
        finding = _wrong_reference(node, patterns)
        if finding:
            raise ConfigurationError(finding[1])
        name = node[REFERENCE]
        if not environment.get(name):
            raise ConfigurationError(f"The environment variable {name} is not set where this runs.")
        secrets.add(environment[name])
        return environment[name]

    return ResolvedConfiguration(resolved(config), tuple(sorted(secrets)))


def _references(config: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each reference with its place, found with a stack of its own: the depth is the author's choice."""
    waiting = [("", config)]
    while waiting:
        place, node = waiting.pop()
        if isinstance(node, Mapping):
            if REFERENCE in node:
                yield place, node
                continue
            waiting += [(place + pointer(name), each) for name, each in node.items()]
        elif isinstance(node, list):
            waiting += [(place + pointer(position), each) for position, each in enumerate(node)]


def _wrong_reference(node: Mapping[str, Any], allowed: tuple[str, ...]) -> tuple[str, str] | None:
    name = node[REFERENCE]
    if len(node) != 1 or not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        return "invalid_reference", 'A secret is written {"$env": "NAME"}, the name of an environment variable alone.'
    if not any(fnmatchcase(name, pattern) for pattern in allowed):
        listed = ", ".join(allowed) if allowed else "none"
        message = f"The environment variable {name} may not be used; allowed: {listed} (setting CONFIGURATION_ENV)."
        return "env_not_allowed", message
    return None
