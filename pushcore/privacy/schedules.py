"""Users in the requests that schedules keep."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from pushcore.models import Occurrence, Schedule, Workspace
from pushcore.models.pushes import DeliveryType


def take_out(workspace: Workspace, names: Collection[str]) -> None:
    """Take users out of all schedules of a workspace; what then has no target is sent no more, and loses its texts.

    Args:
        workspace: Whose schedules they are.
        names: The user IDs, and aliases, that targets may be.
    """
    quoted = Q()
    for name in names:
        quoted |= Q(text__contains=json.dumps(name, ensure_ascii=False))
    to_users = Schedule.objects.filter(workspace=workspace, delivery_type=DeliveryType.USER)
    named = to_users.annotate(text=Cast("request", TextField())).filter(quoted)
    for schedule in named.select_for_update().order_by("pk").iterator(chunk_size=100):
        request = _without(schedule.request, names)
        if request == schedule.request:
            continue
        schedule.request = request
        if not (request.get("target_msgkey") or request.get("target_msg")):
            schedule.title = schedule.body = schedule.name = ""
            schedule.request = {}
            pending = Occurrence.objects.filter(schedule=schedule, status=Occurrence.Status.PENDING)
            pending.update(status=Occurrence.Status.CANCELLED)
        schedule.save(update_fields=["request", "title", "body", "name"])


def _without(request: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return a request without the targets that have one of the names."""
    kept = dict(request)
    if "target_msgkey" in request:
        kept["target_msgkey"] = {
            target: msgkey for target, msgkey in request["target_msgkey"].items() if target.strip() not in names
        }
    if "target_msg" in request:
        kept["target_msg"] = [entry for entry in request["target_msg"] if entry["target"].strip() not in names]
    return kept
