"""The report of a push task: its funnel, its channels, and why messages were not delivered.

The numbers are those of the usage analysis (`analytics.queries`). The page shows the report first, and the live socket
sends it again whenever it changes (`console.components.live`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics import task_queries
from analytics.task_queries import ChannelIndex
from console.components import ab_test_report
from console.components.ab_test_report import AbTestReport
from console.components.status_table import StatusRow, status_rows
from pushcore.codes import statuses
from pushcore.models import PushTask
from pushcore.ports import SmsSummary, sms_complement
from pushcore.storage.timeouts import StatementTimeoutError, statement_timeout
from sms.models import SmsMessage

# Counting millions of messages stops after this time, in milliseconds; the report then has the task's counters.
BREAKDOWN_TIMEOUT_MS = 3000
# Statuses listed; the rest, the rarest, is left out.
LISTED_STATUSES = 50
State = SmsMessage.State
_HELD_BACK = frozenset({statuses.HELD_BACK, statuses.NO_CONSENT})


@dataclass(frozen=True)
class FunnelStep:
    """A step of the funnel: how many messages got so far, of all that were pushed."""

    key: str
    label: str | Promise
    count: int
    whole: int

    @property
    def percent(self) -> str:
        """The share of all that were pushed; empty where nothing was."""
        return f"{self.count / self.whole:.0%}" if self.whole else ""


@dataclass(frozen=True)
class TaskReport:
    """A task's report.

    Attributes:
        funnel: The steps, in their order.
        waiting: Messages that may still be delivered.
        expired: Messages whose validity ended before they were delivered.
        held_back: Messages that the rules of the push's category did not let go.
        failed: Messages that a vendor refused.
        channels: The numbers of each channel.
        undelivered: The statuses that are no success, the most frequent first.
        sms: What became of its SMS; None where it wants none, or where they could not be counted in time.
        ab_test: The push's A/B test, if it has variants.
        is_complete: The messages could be counted in time; if not, there are the task's own counters only.
    """

    funnel: list[FunnelStep]
    waiting: int = 0
    expired: int = 0
    held_back: int = 0
    failed: int = 0
    channels: list[ChannelIndex] = field(default_factory=list)
    undelivered: list[StatusRow] = field(default_factory=list)
    sms: SmsSummary | None = None
    ab_test: AbTestReport | None = None
    is_complete: bool = True

    @property
    def sms_states(self) -> list[tuple[str, str, int]]:
        """The states that its SMS have: name, word, and how many have it."""
        counts = self.sms.counts if self.sms else {}
        return [(state.name.lower(), str(state.label), counts[state.name]) for state in State if counts.get(state.name)]


def report_of(task: PushTask) -> TaskReport:
    """Count a task's messages by channel and by status; each of the queries takes `BREAKDOWN_TIMEOUT_MS` at most."""
    try:
        with statement_timeout(BREAKDOWN_TIMEOUT_MS):
            channels, counts = task_queries.by_channel(task), task_queries.undelivered(task)
            sms = sms_complement().summary(task)
            ab_test = ab_test_report.report_of(task)
    except StatementTimeoutError:
        counters = (task.message_count, task.success_count, task.arrival_count)
        return TaskReport(
            _funnel(*counters),
            expired=task.expired_count,
            held_back=task.held_back_count + task.no_consent_count,
            is_complete=False,
        )
    names = ("pushed", "succeeded", "arrived", "opened")
    waiting, expired, revoked, held_back = (
        sum(one.count for one in counts if one.status.channel == statuses.COMMON and one.status.code in codes)
        for codes in (statuses.PENDING, {statuses.EXPIRED}, {statuses.REVOKED}, _HELD_BACK)
    )
    return TaskReport(
        _funnel(*(sum(getattr(entry.index, name) for entry in channels) for name in names)),
        waiting=waiting,
        expired=expired,
        held_back=held_back,
        failed=sum(one.count for one in counts) - waiting - expired - revoked - held_back,
        channels=channels,
        sms=sms,
        ab_test=ab_test,
        undelivered=status_rows(
            counts[:LISTED_STATUSES],
            # As seen from the task's page: to look addresses up, the gateway would have to load all pages.
            listed=lambda one: f"../../../message/?{urlencode({'task': task.pk, 'status': one.status.code})}",
            targets=lambda one: f"../targets/?{urlencode({'channel': int(one.channel), 'status': one.status.code})}",
        ),
    )


def render(task: PushTask, report: TaskReport, *, may_export: bool, may_decide: bool) -> str:
    """Render the report in the active language.

    Args:
        task: The push.
        report: Its report.
        may_export: Whether the user may download targets and variants.
        may_decide: Whether the user may send a variant to the rest.
    """
    context = {
        "task": task,
        "report": report,
        "may_export": may_export,
        "may_decide": may_decide,
        "at_most": task_queries.EXPORTED_TARGETS,
    }
    return render_to_string("console/task_report.html", context)


def _funnel(*counts: int) -> list[FunnelStep]:
    """Return the steps for counts of pushed, accepted, arrived and, where it is known, opened messages."""
    steps = (("pushed", _("Pushed")), ("accepted", _("Accepted")), ("arrived", _("Arrived")), ("opened", _("Opened")))
    return [FunnelStep(key, label, count, counts[0]) for (key, label), count in zip(steps, counts, strict=False)]
