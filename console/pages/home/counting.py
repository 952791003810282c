"""What the parts of the home page share: whose rows they look at, and how long they may take."""

from __future__ import annotations

from typing import Any

import structlog

from console.access.rights import Scope
from pushcore.models import Message, Workspace
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

log = structlog.get_logger(__name__)

TIMEOUT_MS = 2000


def workspaces_of(scope: Scope) -> list[Workspace]:
    """Return the workspaces whose numbers the page adds up, with only the columns that this needs."""
    mine = scope.workspaces() if scope.chosen is None else scope.workspaces().filter(pk=scope.chosen)
    return list(mine.only("pk", "time_zone").select_related(None))


def scoped(scope: Scope, model: Any = Message) -> Any:
    """Return the model's rows in the chosen workspace, else in all workspaces the user may see."""
    rows = model.objects.all()
    if scope.chosen is not None:
        return rows.filter(workspace_id=scope.chosen)
    return rows if scope.superuser else rows.filter(workspace_id__in=scope.workspace_ids)


def in_time(question: Any) -> Any:
    """Return the result of `question`, or None when it exceeds `TIMEOUT_MS`.

    This bounds the load that the home page, which everybody opens first, puts on the database.
    """
    try:
        with statement_timeout(TIMEOUT_MS):
            return question()
    except StatementTimeoutError:
        log.warning("home page: a query took too long and was cancelled")
        return None
