"""When a push is sent: now, at a time, or repeatedly. Times are in the workspace's time zone."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES, UnfoldAdminCheckboxSelectMultipleWidget

from console.pages.create.fields import radio, text
from pushcore.schedules.times import DAILY, MONTHLY, WEEKLY, Cyclic, Strategy, Timed

PREFIX = "sending"
NOW, AT, AGAIN = "now", "timed", "cyclic"


def _picker(kind: str, shown_when: str) -> forms.DateTimeInput:
    """Build the browser's own date or time picker, which submits ISO 8601."""
    formats = {"datetime-local": "%Y-%m-%dT%H:%M", "date": "%Y-%m-%d", "time": "%H:%M"}
    attrs = {"class": " ".join(INPUT_CLASSES), "data-shown-when": shown_when, "type": kind}
    return forms.DateTimeInput(format=formats[kind], attrs=attrs)


class SendingForm(forms.Form):
    """The schedule of a push. `zone` is the workspace's time zone, in which all its times are read."""

    prefix = PREFIX

    when = forms.ChoiceField(
        label=_("Send"),
        choices=[(NOW, _("Now")), (AT, _("At a time")), (AGAIN, _("Again and again"))],
        initial=NOW,
        widget=radio(),
    )
    at = forms.DateTimeField(
        label=_("Time of sending"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=_picker("datetime-local", f"{PREFIX}-when={AT}"),
    )
    first_day = forms.DateField(
        label=_("First day"),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=_picker("date", f"{PREFIX}-when={AGAIN}"),
    )
    last_day = forms.DateField(
        label=_("Last day"),
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=_picker("date", f"{PREFIX}-when={AGAIN}"),
    )
    circle = forms.TypedChoiceField(
        label=_("Repeat"),
        choices=[(DAILY, _("Every day")), (WEEKLY, _("On days of the week")), (MONTHLY, _("On days of the month"))],
        coerce=int,
        initial=DAILY,
        required=False,
        widget=radio(**{"data-shown-when": f"{PREFIX}-when={AGAIN}"}),
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days of the week"),
        choices=[(number + 1, name) for number, name in WEEKDAYS_ABBR.items()],
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    monthdays = forms.RegexField(
        r"^\s*\d{1,2}(\s*,\s*\d{1,2}){0,30}\s*$",
        label=_("Days of the month"),
        required=False,
        error_messages={"invalid": _("Numbers from 1 to 31, separated by commas.")},
        widget=text(placeholder="1, 15", **{"data-shown-when": f"{PREFIX}-when={AGAIN} {PREFIX}-circle={MONTHLY}"}),
    )
    time_of_day = forms.TimeField(
        label=_("Time of day"),
        required=False,
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=_picker("time", f"{PREFIX}-when={AGAIN}"),
    )

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        # This widget ignores the attributes given to its constructor.
        shown_when = f"{PREFIX}-when={AGAIN} {PREFIX}-circle={WEEKLY}"
        self.fields["weekdays"].widget.attrs["data-shown-when"] = shown_when

    def full_clean(self) -> None:
        """Validate with the workspace's zone active, because Django reads naive times in the active one."""
        with timezone.override(self.zone):
            super().full_clean()

    def clean(self) -> dict[str, Any]:
        """Require the fields that belong to the chosen way of sending."""
        given = super().clean() or {}
        needed = {NOW: (), AT: ("at",), AGAIN: ("first_day", "last_day", "time_of_day")}
        for name in needed.get(given.get("when", NOW), ()):
            if given.get(name) is None and name not in self.errors:
                self.add_error(name, _("This field is required."))
        if given.get("when") == AGAIN:
            self._check_days(given)
        return given

    def _check_days(self, given: dict[str, Any]) -> None:
        """Refuse a last day before the first one, and days of the week or month that are missing or none."""
        first, last = given.get("first_day"), given.get("last_day")
        if first and last and first > last:
            self.add_error("last_day", _("Choose a day after the first one."))
        if given.get("circle") == WEEKLY and not given.get("weekdays"):
            self.add_error("weekdays", _("Choose at least one day."))
        if given.get("circle") == MONTHLY and "monthdays" not in self.errors:
            days = self._days()
            if not days or not all(1 <= day <= 31 for day in days):
                self.add_error("monthdays", _("Numbers from 1 to 31, separated by commas."))

    def strategy(self) -> Strategy | None:
        """Return the schedule of this valid form; None to push now."""
        given = self.cleaned_data
        if given["when"] == NOW:
            return None
        if given["when"] == AT:
            return Timed(given["at"])
        start = datetime.combine(given["first_day"], time.min, tzinfo=self.zone)
        end = datetime.combine(given["last_day"], time(23, 59, 59), tzinfo=self.zone)
        return Cyclic(start, end, given["circle"] or DAILY, self._days(), given["time_of_day"])

    def _days(self) -> tuple[int, ...]:
        """Return the days of the week or month; empty for a daily push."""
        given = self.cleaned_data
        if given["circle"] == WEEKLY:
            return tuple(given["weekdays"])
        if given["circle"] == MONTHLY:
            return tuple(int(day) for day in given["monthdays"].split(",") if day.strip())
        return ()
