"""Find the devices that meet a condition: count them, or walk them in the order of their ids.

A tag, topic or attribute term holds of a device if it holds of the device's own profile or of that of the user bound
to it now. Every condition is one statement; what callers say is passed as
parameters and never becomes part of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connection

from pushcore.audience import names
from pushcore.audience.conditions import (
    COMPARISONS,
    And,
    AppVersionIs,
    AttributeIs,
    Condition,
    HasLanguage,
    HasName,
    InCountry,
    IsBound,
    Not,
    OnChannel,
    OnPlatform,
    Or,
    SeenWithin,
    fault,
)
from pushcore.audience.names import Kind
from pushcore.channels import Channel
from pushcore.push.targets import ResolvedTarget
from pushcore.storage.sql import statements
from pushcore.storage.timeouts import statement_timeout

_SQL = statements(__file__)

# Comparisons as SQL writes them.
_OPERATORS = {name: "=" if name == "eq" else written for name, written in COMPARISONS.items()}

COUNT_TIMEOUT_MS = 10_000
# The first number of the advisory locks of counts; the second is the workspace's.
_LOCK = 7_202_620
# Devices that a walk looks at with one statement.
PAGE = 10_000


def count(workspace_id: int, condition: Condition, *, timeout_ms: int = COUNT_TIMEOUT_MS) -> int:
    """Count the devices of a workspace that meet a condition. Counts of a workspace run one after the other.

    Raises:
        ResultError: CONDITION_INVALID for a tag or topic that the workspace does not have, with the term's path.
        StatementTimeoutError: They cannot be counted in `timeout_ms`, or others are counted for so long.
    """
    [(found,)] = _counted("count", workspace_id, condition, timeout_ms)
    return int(found)


class Way(NamedTuple):
    """How many of the devices that meet a condition are reached in one way; `first_id` is the first of them."""

    platform: int
    third_channel: int | None
    has_token: bool
    devices: int
    first_id: int


def count_ways(workspace_id: int, condition: Condition) -> list[Way]:
    """Count devices as `count` does, by how they are reached."""
    return [Way._make(row) for row in _counted("ways", workspace_id, condition, COUNT_TIMEOUT_MS)]


def _counted(statement: str, workspace_id: int, condition: Condition, timeout_ms: int) -> list[tuple[Any, ...]]:
    query = _Query(workspace_id, ids_of_names(workspace_id, condition))
    made = query.sql(condition)
    with statement_timeout(timeout_ms), connection.cursor() as cursor:
        lock(workspace_id)
        cursor.execute(_SQL["settings"])
        cursor.execute(_SQL[statement].format(condition=made), query.parameters)
        return list(cursor.fetchall())


def lock(workspace_id: int) -> None:
    """Wait until no other transaction counts devices of the workspace: a count may take much memory and a core."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, workspace_id % 2**31])


class FoundDevice(NamedTuple):
    """A device that meets a condition, and how it is reached."""

    device_id: int
    ad_token: str
    platform: int
    third_channel: int | None
    third_token: str
    time_zone: str

    @property
    def target(self) -> ResolvedTarget:
        """The device as pushes take it."""
        return ResolvedTarget(self.device_id, self.platform, self.third_channel, self.third_token)


class Page(NamedTuple):
    """Devices of a workspace with ids above `after`, up to `end`: at most `PAGE`."""

    after: int
    end: int


class Part(NamedTuple):
    """The devices of an audience whose buckets in an A/B test are from `first` to before `end`."""

    task_id: int
    first: int
    end: int


class Walk:
    """The devices that meet a condition, in the order of their ids, page by page.

    Each page is a statement of its own, so memory stays flat and no transaction is held open. Whoever remembers the end
    of a page goes on after it.

    Args:
        workspace_id: Whose devices they are.
        condition: What they meet.
        ids: The ids of the condition's tags and topics (`ids_of_names`).
        part: Which of them; None for all.
    """

    def __init__(
        self,
        workspace_id: int,
        condition: Condition,
        ids: Mapping[tuple[Kind, str], int],
        part: Part | None = None,
    ) -> None:
        self._workspace_id = workspace_id
        query = _Query(workspace_id, ids, in_pages=True)
        in_part = _SQL["in_part"] if part else ""
        self._statement = _SQL["page"].format(condition=query.sql(condition), in_part=in_part)
        self._parameters = query.parameters | (part._asdict() if part else {})

    def pages(self, after: int = 0, last: int = 2**63 - 1) -> Iterator[Page]:
        """Yield the pages after a device, up to another, whether devices on them meet the condition or not."""
        bounds = {"workspace": self._workspace_id, "last": last, "size": PAGE}
        while True:
            with connection.cursor() as cursor:
                cursor.execute(_SQL["page_end"], {**bounds, "after": after})
                [end] = cursor.fetchone()
            if end is None:
                return
            yield Page(after, end)
            after = end

    def find(self, page: Page, at_most: int | None = None) -> list[FoundDevice]:
        """Return the devices of a page that meet the condition, in order; at most so many."""
        with connection.cursor() as cursor:
            cursor.execute(
                self._statement, {**self._parameters, "after": page.after, "to": page.end, "at_most": at_most}
            )
            return [FoundDevice._make(row) for row in cursor.fetchall()]


class _Query:
    """Writes a condition as SQL over a device `d`, and collects its parameters."""

    def __init__(self, workspace_id: int, ids: Mapping[tuple[Kind, str], int], *, in_pages: bool = False) -> None:
        self.parameters: dict[str, Any] = {"workspace": workspace_id}
        self._ids = ids
        self._within = {
            f"{name}_within": _SQL["within"].format(column=column) if in_pages else ""
            for name, column in (("own", "p.device_id"), ("bound", "b.device_id"))
        }

    def sql(self, condition: Condition) -> str:
        """Write a condition. It is true or false, never unknown, so that its negation is what it says."""
        match condition:
            case Not(part):
                return f"NOT {self.sql(part)}"
            case And(parts):
                return f"({' AND '.join(map(self.sql, parts))})"
            case Or(parts):
                return f"({' OR '.join(map(self.sql, parts))})"
            case HasName(kind, name, _):
                wanted = self._parameter([self._ids[kind, name]])
                return self._matching(f"p.{names.COLUMNS[kind]} @> {wanted}::int[]")
            case AttributeIs():
                return self._matching(self._attribute(condition))
            case OnPlatform(platform):
                return f"(d.platform = {self._parameter(platform.value)})"
            case OnChannel(channel):
                return self._on_channel(channel)
            case AppVersionIs(comparison, version):
                than = self._parameter(version)
                return _SQL["version"].format(comparison=_OPERATORS[comparison], version=than)
            case InCountry(country):
                return f"(d.country = {self._parameter(country)})"
            case HasLanguage(language):
                return f"(d.language || '-' LIKE {self._parameter(language + '-%')})"
            case SeenWithin(days):
                return f"(d.last_seen_at >= now() - make_interval(days => {self._parameter(days)})) IS TRUE"
            case IsBound(bound):
                return ("" if bound else "NOT ") + _SQL["bound"].format(**self._within)

    def _on_channel(self, channel: Channel) -> str:
        if channel == Channel.SELF_BUILT:
            return "(d.third_token = '')"
        return f"(d.third_token <> '' AND d.third_channel = {self._parameter(channel.value)}) IS TRUE"

    def _matching(self, matches: str) -> str:
        return _SQL["matching"].format(matches=matches, **self._within)

    def _attribute(self, term: AttributeIs) -> str:
        if term.comparison == "eq":
            return f"p.attributes @> {self._parameter(json.dumps({term.name: term.value}))}::jsonb"
        is_time = isinstance(term.value, dict)
        value = term.value["time"] if isinstance(term.value, dict) else term.value
        # Values of different types compare as unknown: such a profile does not match.
        path = f'$."{term.name}"{".time" if is_time else ""} ? (@ {COMPARISONS[term.comparison]} $value)'
        given = self._parameter(json.dumps({"value": value}))
        return f"jsonb_path_exists(p.attributes, {self._parameter(path)}::jsonpath, {given}::jsonb)"

    def _parameter(self, value: object) -> str:
        name = f"value{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"


def ids_of_names(workspace_id: int, condition: Condition) -> dict[tuple[Kind, str], int]:
    """Look up the ids of a condition's tags and topics, all of a kind at once.

    Raises:
        ResultError: CONDITION_INVALID for one that the workspace does not have, with the term's path.
    """
    terms = list(_names_in(condition))
    found: dict[tuple[Kind, str], int] = {}
    for kind in Kind:
        ids = names.ids_of(workspace_id, kind, {term.name for term in terms if term.kind == kind})
        found |= {(kind, name): name_id for name, name_id in ids.items()}
    if missing := next((term for term in terms if (term.kind, term.name) not in found), None):
        raise fault(missing.path, f"the workspace has no {missing.kind.name.lower()} {missing.name!r}")
    return found


def _names_in(condition: Condition) -> Iterator[HasName]:
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _names_in(part)
        case Not(part):
            yield from _names_in(part)
        case HasName():
            yield condition
        case _:
            return
