"""Delete many rows in steps that lock nothing for long."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import QuerySet

STEP = 10_000
# What a run leaves, the next one continues.
BUDGET_SECONDS = 60.0


def delete_in_steps(rows: QuerySet[Any]) -> int:
    """Delete rows that nothing refers to, `STEP` at a time, until `BUDGET_SECONDS` are spent; return how many."""
    deadline, deleted = time.monotonic() + BUDGET_SECONDS, 0
    while time.monotonic() < deadline:
        step = list(rows.order_by().values_list("pk", flat=True)[:STEP])
        if not step:
            break
        # Dependent rows are gone already, so Django has nothing to collect: one statement a step.
        deleted += rows.model._base_manager.filter(pk__in=step)._raw_delete(rows.db)
    return deleted
