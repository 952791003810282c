"""Audit entries in the words of the user's language: who did what to which, and a table of what changed."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from console.models import AuditEntry

_SENTENCES = {
    AuditEntry.Action.ADD: _("%(who)s added the %(type)s %(name)s"),
    AuditEntry.Action.CHANGE: _("%(who)s changed the %(type)s %(name)s"),
    AuditEntry.Action.DELETE: _("%(who)s deleted the %(type)s %(name)s"),
    AuditEntry.Action.PUSH: _("%(who)s pushed the %(type)s %(name)s"),
    AuditEntry.Action.TEST: _("%(who)s tested the %(type)s %(name)s"),
    AuditEntry.Action.EXPORT: _("%(who)s exported from the %(type)s %(name)s"),
}
_ABOUT_NOTHING = {
    AuditEntry.Action.LOGIN: _("%(who)s logged in"),
    AuditEntry.Action.LOGIN_FAILED: _("A login of %(who)s failed"),
    AuditEntry.Action.LOGOUT: _("%(who)s logged out"),
    AuditEntry.Action.EXPORT: _("%(who)s exported data"),
}

# A field of an object that was added or deleted has one value: of field, before and after.
_LINES: dict[str, str] = {AuditEntry.Action.ADD: "{0}: {2}", AuditEntry.Action.DELETE: "{0}: {1}"}

# What entries say was done (`what` among the details of `audit.record`): kept in English, marked for the catalog.
WRITTEN = (
    gettext_noop("Changed their own password."),
    gettext_noop("Ended sessions of their own."),
    gettext_noop("Set up two-factor login."),
    gettext_noop("Removed their two-factor login."),
    gettext_noop("Switched on a simulated device."),
    gettext_noop("Started the log of the device's connections."),
    gettext_noop("Pushed to test devices."),
    gettext_noop("Made an invitation link."),
    gettext_noop("Invited a newcomer."),
    gettext_noop("Removed two-factor login."),
    gettext_noop("Rotated the client key."),
    gettext_noop("Ended the former client key."),
    gettext_noop("Asked for the callback key."),
    gettext_noop("Revoked."),
    gettext_noop("Cancelled."),
    gettext_noop("Saved a new version."),
    gettext_noop("Restored a former version."),
    gettext_noop("The authentication code was wrong."),
    gettext_noop("Set a password by invitation."),
    gettext_noop("Checked the account."),
    gettext_noop("Sent a test message."),
    gettext_noop("Sent a test receipt."),
    gettext_noop("Sent a test event."),
    gettext_noop("Replayed events."),
    gettext_noop("Replayed the event."),
    gettext_noop("Rotated the secret."),
    gettext_noop("Ended the former secret."),
    gettext_noop("Sent a variant to the rest."),
    gettext_noop("targets"),
    gettext_noop("variants"),
    gettext_noop("usage analysis"),
    gettext_noop("a user's data"),
)
# Names of the other details, and values of fields: marked as well.
_MARKED = (
    gettext_noop("Yes"),
    gettext_noop("No"),
    gettext_noop("API address"),
    gettext_noop("address"),
    gettext_noop("app"),
    gettext_noop("authorisation address"),
    gettext_noop("channel"),
    gettext_noop("devices"),
    gettext_noop("filters"),
    gettext_noop("format"),
    gettext_noop("outcome"),
    gettext_noop("role"),
    gettext_noop("rows"),
    gettext_noop("sessions"),
    gettext_noop("status"),
    gettext_noop("user"),
)


def sentence(entry: AuditEntry) -> str:
    """Say who did what to which object."""
    sentences = _SENTENCES if entry.object_type else _ABOUT_NOTHING
    words = sentences.get(AuditEntry.Action(entry.action))
    who = entry.username or gettext("somebody unknown")
    if words is None:
        return f"{who}: {entry.get_action_display()}"
    kind = gettext(entry.object_type) if entry.object_type else ""
    return str(words) % {"who": who, "type": kind, "name": entry.object_name}


def summary(entry: AuditEntry) -> SafeString:
    """Show what was done and the changed fields with their values, else the details: for a row of a list."""
    line = _LINES.get(entry.action, "{}: {} → {}")
    lines = [format_html(line, *changed) for changed in _changes(entry)]
    if not lines or entry.details.get("what") in WRITTEN:
        lines.insert(0, format_html_join("; ", "{}", ((text,) for text in _details(entry))) or format_html("{}", "-"))
    return format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines))


def table(entry: AuditEntry) -> SafeString:
    """Show the changed fields as a table of field, before and after."""
    rows = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', _changes(entry))
    if not rows:
        return format_html("{}", "-")
    names = (gettext("Field"), gettext("Before"), gettext("After"))
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in names))
    return format_html(
        '<table class="console-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        head,
        rows,
    )


def _changes(entry: AuditEntry) -> Iterator[tuple[str, str, str]]:
    # Nothing is there before an addition and after a deletion; else a value was empty.
    empty_before = "-" if entry.action == AuditEntry.Action.ADD else gettext("empty")
    empty_after = "-" if entry.action == AuditEntry.Action.DELETE else gettext("empty")
    for one in entry.changes:
        if one["before"] is None:
            yield capfirst(gettext(one["field"])), gettext("not kept"), gettext("not kept")
            continue
        before, after = (gettext(text) if one["worded"] and text else text for text in (one["before"], one["after"]))
        yield capfirst(gettext(one["field"])), before or empty_before, after or empty_after


def _details(entry: AuditEntry) -> Iterator[str]:
    """Yield the details as `name: value`; that of `what` stands alone, in the user's language where it is known."""
    for name, value in entry.details.items() if isinstance(entry.details, dict) else ():
        yield gettext(value) if name == "what" else f"{gettext(name)}: {value}"
