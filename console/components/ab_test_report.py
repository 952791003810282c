"""The A/B test of a push, as its task's page shows it: the numbers of each variant, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from console.components.columns import moment_text
from console.locale.zones import zone_of
from pushcore.ab_tests import decision
from pushcore.ab_tests.decision import State
from pushcore.ab_tests.results import Comparison, TestResults, VariantResult
from pushcore.models import AbTest, PushTask

# What is left to decide.
_OPEN = frozenset({State.WAITING, State.UNDECIDED})


@dataclass(frozen=True)
class VariantRow:
    """A line of the table: a variant of the test group, or the rest.

    Attributes:
        title: What the variant shows; empty of the rest while nothing is decided.
        decide: The address that sends it to the rest, as seen from the task's page; empty where that is not possible.
    """

    result: VariantResult
    title: str
    body: str
    is_winner: bool
    decide: str

    @property
    def rate(self) -> str:
        """Opened of delivered."""
        return f"{self.result.rate:.1%}" if self.result.delivered else "-"

    @property
    def bounds(self) -> str:
        """Between which rates the true one is with 95 % confidence."""
        low, high = self.result.interval
        return f"{low:.1%} - {high:.1%}" if self.result.delivered else "-"


@dataclass(frozen=True)
class AbTestReport:
    """The report of an A/B test.

    Attributes:
        stage: Where it stands, in a sentence.
        difference: Which variant is opened most often.
        chance: Whether that may be chance; empty where there is no difference.
        rows: The variants, then the rest if there is one.
    """

    stage: str
    difference: str
    chance: str
    rows: list[VariantRow]


def report_of(task: PushTask) -> AbTestReport | None:
    """Count the variants of a push; None of one without."""
    if task.kind != PushTask.Kind.AUDIENCE:
        return None
    test = AbTest.objects.select_related("walk").filter(pk=task.pk).first()
    if test is None:
        return None
    results, state = TestResults.of(task, test), decision.state_of(test)
    overrides = {one["name"]: one["override"] for one in test.variants}
    rows = [_row(task, test, result, overrides[result.name], state) for result in results.variants]
    if results.rest is not None:
        shown = overrides.get(test.winner)
        rest = task.content | shown if shown is not None else {}
        rows.append(VariantRow(results.rest, rest.get("title", ""), rest.get("content", ""), False, ""))
    return AbTestReport(_STAGES[state](task, test), _difference(results.comparison), _chance(results.comparison), rows)


def _row(task: PushTask, test: AbTest, result: VariantResult, override: Mapping[str, str], state: State) -> VariantRow:
    content = task.content | override
    open_to = state in _OPEN and task.revoked_at is None
    decide = f"../decide/?{urlencode({'variant': result.name})}" if open_to else ""
    return VariantRow(result, content["title"], content["content"], result.name == test.winner, decide)


def _difference(compared: Comparison) -> str:
    if not compared.best.delivered:
        return _("Nothing is delivered yet.")
    names = {"best": compared.best.name, "second": compared.second.name}
    if compared.is_tie:
        return _("%(best)s and %(second)s are opened equally often.") % names
    return _("%(best)s is opened more often than %(second)s.") % names


def _chance(compared: Comparison) -> str:
    if compared.is_tie:
        return ""
    percent = f"{compared.chance:.0%}" if compared.chance >= 0.01 else "< 1%"
    if compared.is_significant:
        said = _("The difference is significant: chance alone makes one as large in %(percent)s of cases.")
    else:
        said = _("The difference may be chance: chance alone makes one as large in %(percent)s of cases.")
    return said % {"percent": percent}


def _decided(task: PushTask, test: AbTest) -> str:
    values = {"variant": test.winner, "at": _at(task, test.decided_at), "who": test.decided_by}
    if test.decided_by:
        return _("The rest gets variant %(variant)s. %(who)s decided that at %(at)s.") % values
    if test.is_significant:
        return _("The rest gets variant %(variant)s. The open rates decided that at %(at)s.") % values
    return (
        _(
            "The rest gets variant %(variant)s. The open rates decided that at %(at)s, though the difference may have "
            "been chance."
        )
        % values
    )


def _undecided(task: PushTask, test: AbTest) -> str:
    values = {"until": _at(task, test.decide_by)}
    if test.is_significant is False:
        return _("The difference may be chance, so somebody has to decide until %(until)s.") % values
    return _("Somebody has to decide until %(until)s. After that the rest gets nothing.") % values


def _at(task: PushTask, moment: datetime | None) -> str:
    return moment_text(moment, zone_of(task))


_STAGES: Mapping[State, Callable[[PushTask, AbTest], str]] = {
    State.SENDING: lambda task, test: _("The test group gets its messages."),
    State.WAITING: lambda task, test: _("The open rates decide at %(at)s.") % {"at": _at(task, test.decides_at)},
    State.UNDECIDED: _undecided,
    State.DECIDED: _decided,
    State.ENDED: lambda task, test: _("The test ended without a decision. The rest gets nothing."),
    State.WHOLE: lambda task, test: _("All devices are tested. There is no rest."),
}
