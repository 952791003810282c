"""Accounts at phone vendors: their credentials, a check of them, and a test notification."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from channels_vendor.accounts import checking, in_use
from channels_vendor.accounts.app_values import enter, values_for_apps
from channels_vendor.base.contract import VendorDescription
from channels_vendor.base.outcomes import Verdict
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.access import audit
from console.access.rights import Right
from console.admins import entered_secrets
from console.components.columns import copyable, label, moment
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import ChannelStateFilter, EnabledFilter, WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin
from console.locale.sentences import said
from console.locale.zones import zone_of
from console.models import AuditEntry
from pushcore.channels import Channel
from pushcore.models import Device
from pushcore.security.account_fields import AccountField

_PREFIX = "value_"
_REMOVE = "remove_"
MAX_FILE_BYTES = 65_536


class VendorAccountForm(forms.ModelForm):
    """The form of a vendor account; `form_for` adds the vendor's own fields.

    A secret that is left empty stays as it is, unless its removal is asked for, or the place it is sent to changes:
    then it has to be entered again, by somebody who knows it. A file or password that a browser does not send again
    survives an error: the form carries it, sealed (`entered_secrets`).
    """

    vendor_fields: tuple[AccountField, ...] = ()
    entered = forms.CharField(label="", required=False, widget=forms.HiddenInput)

    def full_clean(self) -> None:
        """Check the form; where something is wrong, have it carry what the browser will not send again."""
        self._given_values: dict[str, str] = {}
        super().full_clean()
        if self.is_bound and self.errors:
            self._carry_secrets()

    def _carry_secrets(self) -> None:
        """Seal files and, unless a secret is at fault, passwords into the form, and say so beside their fields."""
        hidden = [entry for entry in self.vendor_fields if entry.secret and not entry.multiline]
        at_fault = any(_PREFIX + entry.name in self.errors for entry in hidden)
        carried = {
            entry.name: value
            for entry in hidden
            if (value := self._given_values.get(entry.name)) and (entry.file or not at_fault)
        }
        data = cast(QueryDict, self.data).copy()
        data["entered"] = entered_secrets.seal(self.instance.pk, carried) if carried else ""
        self.data = data
        for name in carried:
            self[_PREFIX + name].help_text = _("Kept until the form is saved; leave empty.")

    def clean(self) -> dict[str, Any]:
        """Merge the entered values with the kept secrets, check them, and set them on the account."""
        cleaned = super().clean() or {}
        carried = entered_secrets.unseal(self.instance.pk, cleaned.get("entered", ""))
        for entry in self.vendor_fields:
            given = self._given(entry, cleaned.get(_PREFIX + entry.name))
            self._given_values[entry.name] = given or carried.get(entry.name, "")
        if not self.vendor_fields or self.errors:
            return cleaned
        kept, moves = self.instance.secrets(), self._check_destination(cleaned)
        values: dict[str, str] = {}
        is_new = False
        for entry in self.vendor_fields:
            given = self._given_values[entry.name]
            stays = entry.secret and not cleaned.get(_REMOVE + entry.name)
            values[entry.name] = given or (kept.get(entry.name, "") if stays else "")
            is_new = is_new or (entry.secret and bool(given))
            if moves and stays and not given and kept.get(entry.name):
                self.add_error(_PREFIX + entry.name, _("Enter it again: an address it is sent to has changed."))
        vendor = VENDORS[Channel(self.instance.channel)]
        # An account that is off may be half filled in; one whose values have become invalid can still be switched off.
        wrong = checking.wrong_values if cleaned.get("enabled") else checking.wrong_entries if is_new else None
        for name, reason in wrong(vendor, values).items() if wrong else ():
            self.add_error(_PREFIX + name, capfirst(said(reason)))
        secret = {entry.name for entry in self.vendor_fields if entry.secret}
        self.instance.public_values = {name: value for name, value in values.items() if name not in secret and value}
        self.instance.set_secrets({name: value for name, value in values.items() if name in secret and value})
        return cleaned

    def _check_destination(self, cleaned: dict[str, Any]) -> bool:
        """Check where the secrets are to be sent, and note at the form what is wrong with it.

        Returns:
            Whether that is elsewhere than before, or at servers that another authority vouches for.
        """
        destination = {name: cleaned.get(name) or "" for name in checking.DESTINATION}
        moved = {name for name, value in destination.items() if value.split() != getattr(self.instance, name).split()}
        for name, reason in checking.wrong_destination(**destination).items():
            if name in moved:
                self.add_error(name, _translated(reason))
        return bool(moved)

    def _given(self, entry: AccountField, value: Any) -> str:
        """Return what was entered for a vendor's field as text, an uploaded file encoded; empty if nothing was."""
        if not entry.file:
            return str(value or "").strip()
        if value is None:
            return ""
        if value.size > MAX_FILE_BYTES:
            self.add_error(_PREFIX + entry.name, _("The file is too large."))
            return ""
        return checking.encode_file(value.read())


def form_for(row: VendorAccount) -> type[VendorAccountForm]:
    """Return a form class for an existing account, with the fields its vendor asks for.

    Each secret that is already kept gets a checkbox that removes it.
    """
    vendor = VENDORS.get(Channel(row.channel))
    entries = vendor.fields if vendor else ()
    kept = row.secrets()
    made: dict[str, Any] = {}
    for entry in entries:
        made[_PREFIX + entry.name] = _form_field(entry, row, entry.name in kept)
        if entry.name in kept:
            made[_REMOVE + entry.name] = forms.BooleanField(
                label=gettext("Remove: %(name)s") % {"name": _translated(entry.label)},
                required=False,
                widget=UnfoldBooleanWidget,
            )
    return type("VendorAccountForm", (VendorAccountForm,), made | {"vendor_fields": entries})


def why_stopped(row: VendorAccount) -> str:
    """Say why an account was stopped; what the vendor said is translated where it is a status of ours."""
    reason = capfirst(said(row.stopped_reason))
    if row.stopped_after:
        text = _("%(count)s tokens were refused one after the other, none was accepted; the last: %(said)s")
        return text % {"count": row.stopped_after, "said": reason}
    return reason


def problem_said(row: VendorAccount, problem: str) -> str:
    """Return a problem of an account in the user's language, its field named as the form does."""
    name, colon, reason = problem.partition(": ")
    labels = {entry.name: _translated(entry.label) for entry in VENDORS[Channel(row.channel)].fields}
    columns = {field.name: field.verbose_name for field in VendorAccount._meta.fields}
    labels |= {name: str(columns[name]) for name in checking.DESTINATION}
    if not colon or name not in labels:
        return capfirst(said(problem))
    return f"{labels[name]}: {said(reason)}"


# What became of a test, in words.
_TESTED = {
    Verdict.ACCEPTED: _("The vendor accepted the test: %(said)s"),
    Verdict.RETRY: _("The vendor does not take it now: %(said)s"),
    Verdict.MISCONFIGURED: _("The vendor refuses the account: %(said)s"),
}


def _translated(words: str) -> str:
    """Return a text of a vendor's description in the user's language."""
    return gettext(words) if words else ""


def _where_to_find(vendor: VendorDescription) -> SafeString:
    """Say where in the vendor's console the values are found, and what operators have to know of closed ways."""
    link = SafeString("")
    if vendor.console_url:
        link = format_html(
            '<a class="text-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
            vendor.console_url,
            gettext("Open the vendor's console"),
        )
    parts = [link, _translated(vendor.console_path), _translated(vendor.closed_note)]
    return format_html_join("", "<p>{}</p>", ((part,) for part in parts if part))


def _form_field(entry: AccountField, row: VendorAccount, is_kept: bool) -> forms.Field:
    hint = gettext("Entered; leave empty to keep it.") + " " if is_kept else ""
    common: dict[str, Any] = {
        "label": _translated(entry.label),
        "required": False,
        "help_text": hint + _translated(entry.help_text),
    }
    if entry.file:
        return forms.FileField(widget=UnfoldAdminFileFieldWidget, **common)
    if entry.choices:
        choices = [(choice, _translated(choice) or "-") for choice in entry.choices]
        initial = row.public_values.get(entry.name)
        return forms.ChoiceField(choices=choices, initial=initial, widget=UnfoldAdminSelectWidget, **common)
    if entry.secret:
        widget = UnfoldAdminTextareaWidget if entry.multiline else UnfoldAdminPasswordWidget
        return forms.CharField(widget=widget(attrs={"autocomplete": "off"}), **common)
    return forms.CharField(initial=row.public_values.get(entry.name, ""), widget=UnfoldAdminTextInputWidget, **common)


def last_device(row: VendorAccount) -> Device | None:
    """Return the device of the account's workspace that last reported a token of the vendor."""
    mine = Device.objects.filter(
        workspace=row.workspace_id, third_channel=row.channel, third_token__gt="", activity_id__isnull=True
    )
    return mine.order_by("-third_reported_at").first()


@admin.register(VendorAccount)
class VendorAccountAdmin(ScopedModelAdmin):
    """Admin of vendor accounts.

    An account is first added for a workspace and a vendor, switched off; its page then asks for what the vendor needs.
    """

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No vendor account yet"),
        _(
            "Through accounts of Apple, Google, Huawei, Xiaomi and others, messages reach devices whose app is "
            "not running."
        ),
        NextStep(_("Add a vendor account"), "admin:channels_vendor_vendoraccount_add", right=Right.CONFIGURE),
    )
    list_display = ("vendor", "workspace", "state", "certificate_expiry", "updated_at")
    list_filter = (WorkspaceFilter, EnabledFilter, ChannelStateFilter)
    list_select_related = ("workspace__app",)
    readonly_fields = (
        "vendor",
        "state",
        "certificate_subject",
        "certificate_expiry",
        "report_address",
        "for_apps",
        "updated_at",
    )
    actions_detail = ("check_account", "send_test")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the vendor's fields; a new account is only asked for workspace and vendor."""
        if obj is None:
            return ((None, {"fields": ("workspace", "channel")}),)
        vendor = VENDORS.get(Channel(obj.channel))
        own, kept = ["entered"], obj.secrets()
        for entry in vendor.fields if vendor else ():
            own.append(_PREFIX + entry.name)
            if entry.name in kept:
                own.append(_REMOVE + entry.name)
        certificate = [(_("Certificate"), {"fields": ("certificate_subject", "certificate_expiry")})]
        if not obj.certificate_subject:
            certificate = []
        apps = [(_("For the app"), {"fields": ("for_apps",)})] if values_for_apps(obj) else []
        reports = []
        if vendor and vendor.read_reports and self.may(request, Right.CONFIGURE, obj):
            reports = [(_("Delivery reports"), {"fields": ("report_address",)})]
        return (
            (None, {"fields": self.with_times(["vendor", "workspace", "enabled", "state", "updated_at"])}),
            (_("Account"), {"fields": own, "description": _where_to_find(vendor) if vendor else ""}),
            *certificate,
            *apps,
            *reports,
            (_("Sending"), {"fields": ("rate", "base_url", "auth_url", "ca_pem")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make the workspace read-only once the account exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "workspace") if obj else shown

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Use the form with the vendor's fields for an account that exists."""
        if obj is not None:
            kwargs["form"] = form_for(obj)
        return super().get_form(request, obj, change, **kwargs)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name vendors by their titles."""
        if db_field.name == "channel":
            kwargs["choices"] = [(int(channel), _translated(vendor.title)) for channel, vendor in VENDORS.items()]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[VendorAccount]:
        """Fetch workspace and app in the same query."""
        return super().get_queryset(request).select_related("workspace__app")

    def save_model(self, request: HttpRequest, obj: VendorAccount, form: forms.ModelForm, change: bool) -> None:
        """Save the account; a new one starts switched off, and a stopped one is used again once it is saved."""
        if change:
            obj.stopped_at, obj.stopped_reason, obj.stopped_after = None, "", 0
            checking.note_certificate(obj)
        else:
            obj.enabled = False
            enter(obj, VENDORS[Channel(obj.channel)].new_values())
        super().save_model(request, obj, form, change)
        in_use.forget()

    @display(description=_("vendor"))
    def vendor(self, row: VendorAccount) -> str:
        """Show the vendor's title, or the channel's label where the vendor is not installed."""
        vendor = VENDORS.get(Channel(row.channel))
        return _translated(vendor.title) if vendor else Channel(row.channel).label

    @display(description=_("state"))
    def state(self, row: VendorAccount) -> SafeString:
        """Show whether the account is in use, off or stopped, or its certificate expires soon."""
        if row.stopped_at is not None:
            return label("red", f"{gettext('stopped')}: {why_stopped(row)}")
        if not row.enabled:
            return label("grey", gettext("off"))
        if row.expires_soon:
            return label("amber", gettext("certificate expires soon"))
        return label("green", gettext("in use"))

    @display(description=_("address"))
    def report_address(self, row: VendorAccount) -> SafeString:
        """Show the address that the vendor posts its reports to.

        Whoever knows it can post reports in the vendor's name, so `get_fieldsets` shows it only to users who may
        configure the workspace's app.
        """
        return copyable(row.report_url or f"/vendor/receipts/{row.report_key}")

    @display(description=_("in the app's configuration file"))
    def for_apps(self, row: VendorAccount) -> SafeString:
        """Show what apps need to know of the account; the workspace's `mps-device.json` has it too."""
        return format_html_join(
            "", "<p>{} {}</p>", ((name, copyable(text)) for name, text in values_for_apps(row).items())
        )

    @display(description=_("certificate expires"))
    def certificate_expiry(self, row: VendorAccount) -> SafeString:
        """Show the time in the zone of the account's workspace."""
        return moment(row.certificate_expires_at, zone_of(row))

    @confirmed_action(
        description=_("Check"),
        url_path="check",
        icon="fact_check",
        permissions=["configure"],
        title=_("Check this account?"),
        consequence=_("The vendor is called once with a token of no device; nobody gets anything."),
    )
    def check_account(self, request: HttpRequest, row: VendorAccount) -> None:
        """Call the vendor with a token of no device, and show what is wrong."""
        found = checking.problems(row)
        self._record_call(request, row, "Checked the account.", "; ".join(found) or "in order")
        if found:
            messages.error(request, "; ".join(problem_said(row, problem) for problem in found))
        else:
            messages.success(request, _("The account is in order."))

    @confirmed_action(
        description=_("Send test"),
        url_path="send-test",
        icon="send",
        permissions=["push"],
        title=_("Send a test?"),
        consequence=_("The device that last reported a token of this vendor is shown a test notification."),
        refusal=lambda _request, row: (
            None if last_device(row) else _("No device of the workspace has reported a token of this vendor.")
        ),
    )
    def send_test(self, request: HttpRequest, row: VendorAccount) -> None:
        """Send a test to the device that last reported a token of the vendor."""
        device = last_device(row)
        assert device is not None
        try:
            outcome = checking.send_test_notification(row, device.third_token)
        except ValueError as error:
            messages.error(request, "; ".join(problem_said(row, problem) for problem in str(error).split("; ")))
            return
        words = _TESTED.get(outcome.verdict, _("The vendor refused the test: %(said)s"))
        self._record_call(request, row, "Sent a test message.", outcome.verdict.name.lower())
        level = messages.SUCCESS if outcome.verdict is Verdict.ACCEPTED else messages.ERROR
        messages.add_message(request, level, words % {"said": outcome.vendor_id or outcome.vendor_code})

    def _record_call(self, request: HttpRequest, row: VendorAccount, what: str, outcome: str) -> None:
        """Record a call in the audit log, with the addresses that the account's secrets were sent to.

        An address that the account does not set is the vendor's own and is left out.
        """
        called = {"API address": row.base_url, "authorisation address": row.auth_url}
        details = {"what": what, "outcome": outcome} | {name: url for name, url in called.items() if url}
        audit.record(request, AuditEntry.Action.TEST, row, details)
