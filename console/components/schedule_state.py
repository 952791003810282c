"""Schedules and their times of sending in words: coloured labels, and links to the push tasks that they became."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

from console.components.columns import label
from pushcore.models import Occurrence
from pushcore.schedules.progress import ScheduleProgress, State

STATE_COLOURS: Mapping[State, str] = {
    State.WAITING: "blue",
    State.UNDER_WAY: "blue",
    State.SENT: "green",
    State.PARTLY_SENT: "amber",
    State.FAILED: "red",
    State.MISSED: "red",
    State.CANCELLED: "grey",
}
OCCURRENCE_COLOURS: Mapping[Occurrence.Status, str] = {
    Occurrence.Status.PENDING: "blue",
    Occurrence.Status.EXECUTED: "green",
    Occurrence.Status.CANCELLED: "grey",
    Occurrence.Status.MISSED: "red",
    Occurrence.Status.FAILED: "red",
}


def state_label(progress: ScheduleProgress) -> SafeString:
    """Render a schedule's state, and how many of several times were sent; amber where the last one went wrong."""
    state, last = progress.state, progress.last
    colour, text = STATE_COLOURS[state], str(state.label)
    if state == State.UNDER_WAY and last is not None and last.status != Occurrence.Status.EXECUTED:
        colour = "amber"
    if progress.total > 1:
        numbers = {"sent": intcomma(progress.sent), "total": intcomma(progress.total)}
        text = gettext(", ").join([text, gettext("%(sent)s of %(total)s sent") % numbers])
    return label(colour, text)


def occurrence_label(status: Occurrence.Status) -> SafeString:
    """Render what became of a time of sending."""
    return label(OCCURRENCE_COLOURS[status], capfirst(str(status.label)))


def task_link(occurrence: Occurrence) -> SafeString:
    """Link to the push task that a time of sending became; a dash where it became none."""
    if occurrence.task_id is None:
        return SafeString("-")
    address = reverse("admin:pushcore_pushtask_change", args=[occurrence.task_id])
    return format_html('<a class="text-link" href="{}">{}</a>', address, gettext("Push task"))
