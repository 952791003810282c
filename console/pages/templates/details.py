"""What a template's page shows besides its content: former versions, and what uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.urls import reverse
from django.utils.safestring import SafeString

from console.components.columns import moment, push_type
from console.components.schedule_state import state_label
from console.locale.zones import zone_of
from pushcore.models import FormerVersion, PushTask, Template
from pushcore.push import template_uses, template_versions
from pushcore.schedules.progress import progress_of
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout

# Push tasks are looked for among many; the page does not wait longer for them, in milliseconds.
_TIMEOUT_MS = 300


class Use(NamedTuple):
    """A schedule or push task with the template: its name, its page, and what else is shown of it."""

    name: str
    address: str
    kind: SafeString
    state: SafeString


def versions(template: Template) -> Sequence[FormerVersion]:
    """Return the former versions, the newest first."""
    return list(template_versions.former(template)[: template_versions.MAX_FORMER])


def schedules(template: Template) -> list[Use]:
    """Return the newest schedules with the template, each with its state."""
    found = template_uses.schedules(template)
    progress = progress_of([schedule.pk for schedule in found])
    return [
        Use(
            schedule.name or schedule.title,
            reverse("admin:pushcore_schedule_change", args=[schedule.pk]),
            _kind(schedule.delivery_type, schedule.kind),
            state_label(progress[schedule.pk]),
        )
        for schedule in found
    ]


def tasks(template: Template) -> list[Use] | None:
    """Return the newest push tasks with the template; None where they could not be found in time."""
    try:
        with statement_timeout(_TIMEOUT_MS):
            found = template_uses.tasks(template)
    except StatementTimeoutError:
        return None
    zone = zone_of(template)
    return [
        Use(
            task.name or str(task.pk),
            reverse("admin:pushcore_pushtask_change", args=[task.pk]),
            _kind(task.delivery_type, task.kind),
            moment(task.created_at, zone),
        )
        for task in found
    ]


def _kind(delivery_type: int, kind: str) -> SafeString:
    return push_type(delivery_type, str(PushTask.Kind(kind).label))
