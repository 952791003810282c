"""What an operation of the API is: one row says all that both APIs and their documentation need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pushcore.api.schema import RequestSchema
from pushcore.models import PushTask, Workspace

V2019 = "2019-08-21"
V2020 = "2020-10-28"
VERSIONS = frozenset({V2019, V2020})

# Parameters of every operation.
SCOPE = ("appId", "workspaceId")
# By the number that the API has for each.
PUSH_KINDS = (
    PushTask.Kind.SIMPLE,
    PushTask.Kind.TEMPLATE,
    PushTask.Kind.MULTIPLE,
    PushTask.Kind.BROADCAST,
    PushTask.Kind.AUDIENCE,
)

EXAMPLE_SCOPE = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
EXAMPLE_DAY = {"startTime": 1767225600000, "endTime": 1767311999000}

Data = str | dict[str, Any] | list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, through which API, in which version (the REST API speaks the newest)."""

    source: PushTask.Source
    author: str
    version: str


class Envelope(Enum):
    """How the RPC API wraps the data of an answer (`pushcore.api.rpc.envelopes`)."""

    PUSH_RESULT = "PushResult"
    RESULT_CONTENT = "ResultContent"
    DEVICE_STATE = "DeviceState"
    TEMPLATE = "Template"
    TEMPLATE_PAGE = "TemplatePage"
    ANALYSIS = "Analysis"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        path: Where the REST API has it, below `/api/v1/`; empty where only the RPC API does.
        schema: Reads the parameters.
        service: Does the work: it takes the workspace, the request object that the schema read and the caller, returns
            the answer's data, and raises `ResultError`.
        required: By API version, the parameters whose absence the RPC API answers with `Missing<Parameter>`.
        envelope: How the RPC API wraps the data.
        rpc_types: Of members of the data, in the RPC API, where the client package reads another type.
        example: For the documentation, a request and the data of its answer.
    """

    action: str
    path: str
    summary: str
    schema: type[RequestSchema]
    service: Callable[[Workspace, Any, Caller], Data]
    required: Mapping[str, tuple[str, ...]]
    envelope: Envelope = Envelope.PUSH_RESULT
    rpc_types: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    example: tuple[Mapping[str, Any], Any] | None = None

    @property
    def versions(self) -> frozenset[str]:
        """The API versions that have the operation."""
        return frozenset(self.required)
