"""The query form of the usage analysis, read from the address so that a report can be shared as a link."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from analytics.queries import EARLIEST, LATEST, Granularity, Options, Report, options, report_of_days
from pushcore.channels import Channel, Platform
from pushcore.models import PushTask, Workspace
from pushcore.ports import LONGEST_ANALYSIS

DEFAULT_DAYS = 7
_STEPS = [
    (Granularity.DAY.value, _("Days")),
    (Granularity.HOUR.value, _("Hours")),
    (Granularity.MINUTE.value, _("Minutes")),
]


def _day() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": " ".join(INPUT_CLASSES)})


def _date_field(label: Any) -> forms.DateField:
    between = [MinValueValidator(EARLIEST.date()), MaxValueValidator(LATEST.date())]
    return forms.DateField(label=label, input_formats=["%Y-%m-%d"], widget=_day(), validators=between)


class AnalysisForm(forms.Form):
    """The period, filters and granularity of a report.

    The filters offer only values that occur in the period (source document, 6.2). Without dates in the address the form
    covers the last `DEFAULT_DAYS` days of the workspace's time zone.
    """

    first = _date_field(_("From"))
    last = _date_field(_("To"))
    platform = forms.TypedChoiceField(
        label=_("Platform"), coerce=int, empty_value=None, required=False, widget=UnfoldAdminSelectWidget()
    )
    version = forms.ChoiceField(label=_("Version"), required=False, widget=UnfoldAdminSelectWidget())
    channel = forms.TypedChoiceField(
        label=_("Push channel"), coerce=int, empty_value=None, required=False, widget=UnfoldAdminSelectWidget()
    )
    kind = forms.ChoiceField(label=_("Push type"), required=False, widget=UnfoldAdminSelectWidget())
    step = forms.ChoiceField(
        label=_("Granularity"),
        choices=_STEPS,
        required=False,
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": _("Hours and minutes are for a single day.")},
    )

    def __init__(self, data: Any, *, workspace: Workspace) -> None:
        given = data.copy()
        today = timezone.localtime(timezone=ZoneInfo(workspace.time_zone)).date()
        given.setdefault("last", today.isoformat())
        given.setdefault("first", (today - timedelta(days=DEFAULT_DAYS - 1)).isoformat())
        super().__init__(given)
        self.workspace = workspace
        if not self.is_single_day:
            self.fields["step"].choices = _STEPS[:1]  # type: ignore[attr-defined]
        self._offer(options(self._time()) if self._time_is_known() else Options())

    def _time_is_known(self) -> bool:
        """Return whether both dates are valid, so that the filters' choices can be looked up before validation."""
        for name in ("first", "last"):
            try:
                self.fields[name].clean(self.data.get(name))
            except forms.ValidationError:
                return False
        return True

    def _time(self) -> Report:
        """Return an unfiltered report of the period; noon stands for a day, since it exists in every time zone."""
        first, last = (self.fields[name].clean(self.data.get(name)) for name in ("first", "last"))
        zone = ZoneInfo(self.workspace.time_zone)
        return report_of_days(
            self.workspace, datetime.combine(first, time(12), zone), datetime.combine(last, time(12), zone)
        )

    def _offer(self, found: Options) -> None:
        """Set the filters' choices to what occurs; any other value in the address is then invalid."""
        versions = [(f"v{version}", version or _("(not reported)")) for version in found.app_versions]
        self._choose("platform", _("All platforms"), [(one, Platform(one).label) for one in found.platforms])
        self._choose("version", _("All versions"), versions)
        self._choose("channel", _("All push channels"), [(one, channel_name(Channel(one))) for one in found.channels])
        self._choose("kind", _("All push types"), [(one, PushTask.Kind(one).name) for one in found.kinds])

    def _choose(self, name: str, everything: Any, choices: list[tuple[Any, Any]]) -> None:
        self.fields[name].choices = [("", everything), *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check the order and length of the period."""
        given = super().clean() or {}
        first, last = given.get("first"), given.get("last")
        if first and last and first > last:
            self.add_error("last", _("The last day is before the first."))
        elif first and last and last - first >= LONGEST_ANALYSIS:
            self.add_error("last", _("At most %(days)s days.") % {"days": LONGEST_ANALYSIS.days})
        return given

    @property
    def is_single_day(self) -> bool:
        """Whether the period is one day, the only one for which the page offers hours and minutes."""
        return self.data.get("first") == self.data.get("last")

    def report(self) -> Report:
        """Return the report that this valid form asks for."""
        given, days = self.cleaned_data, self._time()
        return Report(
            self.workspace,
            days.start,
            days.end,
            platform=given["platform"],
            # Choices carry a letter before the version, so that the empty version differs from "all versions".
            app_version=given["version"][1:] if given["version"] else None,
            channel=given["channel"],
            kind=given["kind"] or None,
        )

    def granularity(self) -> Granularity:
        """Return the chosen step of this valid form; by default hours for a single day, else days."""
        default = Granularity.HOUR if self.is_single_day else Granularity.DAY
        return Granularity(self.cleaned_data["step"] or default)


def channel_name(channel: Channel) -> str:
    """Return a channel's name for analysts (source document, 6.2)."""
    if channel == Channel.SELF_BUILT:
        return gettext("MPS self-built channel")
    return gettext("Third-party channel - %(vendor)s") % {"vendor": gettext(channel.description.title)}
