"""How many devices a push would reach if it were sent now: shown to whoever is asked whether to send it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from pushcore.audience import aliases, conditions
from pushcore.audience import resolve as resolve_audience
from pushcore.audience.walks import ResolvedCondition
from pushcore.broadcast import audience as audiences
from pushcore.broadcast.audience import Audience
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.targets import resolve
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# Devices are counted up to this many, and for so long.
COUNTED = 1_000_000
TIMEOUT_MS = 3000


def of_targets(workspace: Workspace, delivery_type: DeliveryType, targets: Sequence[str]) -> int:
    """Return how many devices the targets stand for now."""
    users = aliases.users_of(workspace, targets) if delivery_type == DeliveryType.USER else {}
    named = list(dict.fromkeys(users.get(target, target) for target in targets))
    return sum(len(devices) for devices in resolve(workspace, delivery_type, named).values())


def of_condition(workspace: Workspace, condition: ResolvedCondition) -> int | None:
    """Count the devices that meet a condition; None where they cannot be counted in time."""
    try:
        return resolve_audience.count(workspace.pk, conditions.parse(condition.form), timeout_ms=TIMEOUT_MS)
    except StatementTimeoutError:
        return None


def of_broadcast(workspace: Workspace, audience: Audience) -> int | None:
    """Count the devices of an audience.

    On the self-built channel those are all of the platform, of which the ones that connect while it is valid get it.

    Returns:
        The number, at most `COUNTED` + 1; None where they cannot be counted in time.
    """
    condition, parameters = audiences.condition(workspace.pk, audience)
    try:
        with statement_timeout(TIMEOUT_MS), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM pushcore_device d WHERE {condition} LIMIT {COUNTED + 1}) counted",
                parameters,
            )
            return int(cursor.fetchone()[0])
    except StatementTimeoutError:
        return None
