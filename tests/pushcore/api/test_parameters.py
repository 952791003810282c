"""The parameters in docs/api.md are those of the published packages and of the schemas."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import alibabacloud_mpaas20201028.models as newer
import aliyunsdkmpaas.request.v20190821 as older
import pytest
from rest_framework import serializers

from pushcore.api.operation import V2019, V2020
from pushcore.api.operations import BY_ACTION

DOCUMENT = Path(__file__).parents[3] / "docs/api.md"
NAMED = ("PushSimple", "PushTemplate", "PushMultiple")
GROUPS = {
    "all": tuple(BY_ACTION),
    "all but QueryMpsSchedulerList": tuple(action for action in BY_ACTION if action != "QueryMpsSchedulerList"),
    "named pushes": NAMED,
    "pushes": (*NAMED, "PushBroadcast", "PushToAudience"),
}
Row = tuple[str, str]


def capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def of_the_document() -> set[Row]:
    """Return the (action, parameter) of each row of the table; no cell may be empty."""
    text = DOCUMENT.read_text().partition("\n## Parameters\n")[2].partition("\n## ")[0]
    rows: set[Row] = set()
    for line in text.splitlines():
        if not line.startswith("| `"):
            continue
        names, actions, *said = (cell.strip() for cell in line.strip("|").split("|"))
        assert len(said) == 2, line
        assert all(said), line
        for name in re.findall(r"`([^`]+)`", names):
            for action in actions.split(", "):
                for one in GROUPS.get(action, (action,)):
                    assert (one, name) not in rows, f"{one} {name} stands there twice"
                    rows.add((one, name))
    return rows


def of_the_newer_package(action: str) -> set[str]:
    found: set[str] = set()

    def add(cls: Any, prefix: str) -> None:
        for attribute, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
            inner = re.search(r"List\[main_models\.(\w+)\]", str(parameter.annotation))
            value: Any = [] if inner else "x"
            [name] = [name for name, kept in cls(**{attribute: value}).to_map().items() if kept == value]
            found.add(prefix + name)
            if inner:
                add(getattr(newer, inner[1]), f"{prefix}{name}.")

    if not hasattr(newer, f"{action}Request"):
        return {"TenantId"}  # an action of our own: callers add this to all of them
    add(getattr(newer, f"{action}Request"), "")
    return found


def of_the_older_package(action: str) -> set[str]:
    module = importlib.import_module(f"{older.__name__}.{action}Request")
    request = getattr(module, f"{action}Request")
    inner = re.findall(r"\[depth1\]\.get\('(\w+)'\)", inspect.getsource(module))
    plain = {name[4:] for name in vars(request) if name.startswith("set_")}
    return plain - {"TargetMsgs"} | ({"TargetMsg", *(f"TargetMsg.{name}" for name in inner)} if inner else set())


def of_our_schema(action: str) -> set[str]:
    found: set[str] = set()
    for name, field in BY_ACTION[action].schema().fields.items():
        found.add(capital(name))
        if isinstance(field, serializers.ListSerializer):
            found |= {f"{capital(name)}.{capital(inner)}" for inner in field.child.fields}  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("action", BY_ACTION)
def test_every_parameter_of_the_packages_and_of_our_own_stands_in_the_document(action: str) -> None:
    documented = {capital(name) for one, name in of_the_document() if one == action}
    wanted = of_our_schema(action)
    if V2020 in BY_ACTION[action].versions:
        wanted |= of_the_newer_package(action)
    if V2019 in BY_ACTION[action].versions:
        wanted |= of_the_older_package(action)
    assert documented == wanted
