"""How far a push would reach if it were sent now: for whoever is asked whether to send it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import OperationalError, connection, transaction
from psycopg2.errors import QueryCanceled

from pushcore.broadcast import broadcasts
from pushcore.broadcast.broadcasts import Audience
from pushcore.models import Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.targets import resolve

# Devices are counted up to this many, and for so long.
COUNTED = 1_000_000
TIMEOUT_MS = 3000


def of_targets(workspace: Workspace, delivery_type: DeliveryType, targets: Sequence[str]) -> int:
    """The devices that the targets stand for at this time."""
    return sum(len(devices) for devices in resolve(workspace, delivery_type, targets).values())


def of_broadcast(workspace: Workspace, audience: Audience) -> int | None:
    """The devices a broadcast is for, at most `COUNTED` + 1; None where they cannot be counted in time.

    On the self-built channel those are all of the platform, of which the ones that connect while it is valid get it.
    """
    condition, parameters = broadcasts.wanted(workspace.pk, audience)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [TIMEOUT_MS])
            cursor.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM pushcore_device d WHERE {condition} LIMIT {COUNTED + 1}) counted",
                parameters,
            )
            return int(cursor.fetchone()[0])
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return None
