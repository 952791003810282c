"""What an operation of the API is; the tables of them are in `operations` and `package_operations`.

A service takes the workspace, the values its schema read and the caller; it returns what goes into `Data`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pushcore.api import schemas
from pushcore.models import PushTask, Workspace

V2019 = "2019-08-21"
V2020 = "2020-10-28"
VERSIONS = frozenset({V2019, V2020})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, through which door, in which API version (the REST door speaks the newest)."""

    source: PushTask.Source
    author: str
    version: str


class Shape(Enum):
    """How the RPC door wraps what a service returns; the client packages' answer classes decide."""

    PUSH_RESULT = "PushResult"
    RESULT_CONTENT = "ResultContent"
    DEVICE_STATE = "DeviceState"
    TEMPLATE = "Template"
    TEMPLATE_PAGE = "TemplatePage"
    ANALYSIS = "Analysis"


Service = Callable[[Workspace, Mapping[str, Any], Caller], str | dict[str, Any] | list[dict[str, Any]] | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. `path`: on the REST door, empty where it has none. `required`: parameters whose absence the RPC door
    answers with `Missing<Parameter>`, by version. `rpc_types`: of members of `Data`, where the package's are others."""

    action: str
    path: str
    summary: str
    schema: type[schemas.RequestSchema]
    service: Service
    required: Mapping[str, tuple[str, ...]]
    shape: Shape = Shape.PUSH_RESULT
    rpc_types: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def versions(self) -> frozenset[str]:
        return frozenset(self.required)
