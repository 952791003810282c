"""Restore lists and maps from the flat parameter names of the client packages: `TargetMsg.1.Target`, `Map.key`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pushcore.inbound import decoding

MAX_LIST_INDEX = 1_000


def unflatten(parameters: Mapping[str, str], maps: Mapping[str, bool] = MappingProxyType({})) -> dict[str, Any]:
    """Fold the names that client packages flatten back into lists and maps; keep all others.

    `X.1.Y` and `X.1` become lists, in the order of their indexes. An index that is no number from 1 to `MAX_LIST_INDEX`
    leaves the name as it is: an unknown parameter, which the RPC API ignores.

    Args:
        parameters: Names and values as they were sent.
        maps: The parameters that are maps (names in lower camel case): `X.key` becomes an entry of X. True if a further
            dot leads into a map within, false if it is part of the key.
    """
    plain: dict[str, Any] = {}
    folded: dict[str, _Branch] = {}
    for name, value in parameters.items():
        head, *rest = name.split(".")
        nests = maps.get(head[:1].lower() + head[1:])
        if head and rest and nests is not None:
            deepest = _DEEPEST if nests else 0
            folded.setdefault(head, _Branch()).put([*rest[:deepest], *_joined(rest[deepest:])], value)
        elif head and rest and _index(rest[0]):
            # A target of a list may have maps of texts of its own.
            folded.setdefault(head, _Branch()).put([*rest[:2], ".".join(rest[2:])][: len(rest)], value)
        else:
            plain[name] = value
    for head, branch in folded.items():
        nests = maps.get(head[:1].lower() + head[1:])
        plain.setdefault(head, branch.as_map(typed=bool(nests)) if nests is not None else branch.as_list())
    return plain


# Deeper than any value that is taken: what lies below is not told apart.
_DEEPEST = 2 * decoding.MAX_DEPTH


def _joined(parts: Sequence[str]) -> list[str]:
    return [".".join(parts)] if parts else []


def _index(text: str) -> int:
    """Return the index that a part of a name is, 0 where it is none."""
    index = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    return index if index <= MAX_LIST_INDEX else 0


class _Branch(dict[str, Any]):
    """The parts that follow one beginning of flattened names, and the values or branches that they lead to."""

    def put(self, path: Sequence[str], value: str) -> None:
        """Set the value at the path, unless there is one already."""
        branch = self
        for part in path[:-1]:
            following = branch.setdefault(part, _Branch())
            if not isinstance(following, _Branch):
                return
            branch = following
        branch.setdefault(path[-1], value)

    def as_list(self) -> list[Any]:
        """Return the values in the order of their indexes."""
        return [_plain(self[part]) for part in sorted(self, key=_index)]

    def as_map(self, *, typed: bool) -> dict[str, Any]:
        """Return the branch as a map.

        Args:
            typed: Whether numbers, truth values and lists are restored, as they were before a package flattened them.
        """
        return {name: _typed(value) if typed else _plain(value) for name, value in self.items()}


def _plain(value: Any) -> Any:
    return {name: _plain(within) for name, within in value.items()} if isinstance(value, _Branch) else value


# As JSON writes a number: what else looks like one (an order's number with zeros before it, 20 digits) is text.
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)
_TRUTH = {"true": True, "True": True, "false": False, "False": False}


def _typed(value: Any) -> Any:
    """Restore a value that a package has made text of, as far as the text can tell."""
    if isinstance(value, _Branch):
        is_list = sorted(map(_index, value)) == list(range(1, len(value) + 1))
        return [_typed(value[part]) for part in sorted(value, key=_index)] if is_list else value.as_map(typed=True)
    if value in _TRUTH:
        return _TRUTH[value]
    return json.loads(value) if _JSON_NUMBER.fullmatch(value) else value
