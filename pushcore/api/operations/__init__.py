"""The operations of the RPC and the REST API: a module a subject, each with its schemas, functions and rows.

Adding an operation is adding a row to `OPERATIONS` of one of them. Both APIs, the OpenAPI document, signatures and
throttling follow from it.
"""

from __future__ import annotations

from pushcore.api.operation import Operation
from pushcore.api.operations import (
    ab_tests,
    analysis,
    audience,
    audience_pushes,
    broadcasts,
    devices,
    inbox,
    privacy,
    pushes,
    revocations,
    schedules,
    segments,
    templates,
    webhooks,
)

OPERATIONS: tuple[Operation, ...] = (
    *pushes.OPERATIONS,
    *broadcasts.OPERATIONS,
    *audience_pushes.OPERATIONS,
    *ab_tests.OPERATIONS,
    *devices.OPERATIONS,
    *audience.OPERATIONS,
    *segments.OPERATIONS,
    *revocations.OPERATIONS,
    *schedules.OPERATIONS,
    *inbox.OPERATIONS,
    *analysis.OPERATIONS,
    *templates.OPERATIONS,
    *privacy.OPERATIONS,
    *webhooks.OPERATIONS,
)
BY_ACTION = {operation.action: operation for operation in OPERATIONS}
# Those that the REST API has too; the others are the client packages' own.
REST_OPERATIONS = tuple(operation for operation in OPERATIONS if operation.path)
