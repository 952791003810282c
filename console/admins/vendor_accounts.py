"""Accounts at phone vendors: their credentials, a check of them, and a test notification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from channels_vendor.accounts import checking, in_use
from channels_vendor.accounts.app_values import enter, values_for_apps
from channels_vendor.base.contract import VendorDescription
from channels_vendor.base.outcomes import Verdict
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.access import audit
from console.access.rights import Right
from console.components.account_form import AccountForm, field_names, form_with, translated
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


class VendorAccountForm(AccountForm):
    """The form of a vendor account; `form_for` adds the vendor's own fields."""

    destination = checking.DESTINATION

    def wrong_values(self, values: Mapping[str, str], *, is_complete: bool) -> Mapping[str, str]:
        """Ask the vendor's description."""
        check = checking.wrong_values if is_complete else checking.wrong_entries
        return check(VENDORS[Channel(self.instance.channel)], values)

    def wrong_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Check addresses and authority."""
        return checking.wrong_destination(**given)


def form_for(row: VendorAccount) -> type[AccountForm]:
    """Return a form class for an existing account, with the fields its vendor asks for."""
    vendor = VENDORS.get(Channel(row.channel))
    return form_with(VendorAccountForm, row, vendor.fields if vendor else ())


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
    labels = {entry.name: translated(entry.label) for entry in VENDORS[Channel(row.channel)].fields}
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


def _where_to_find(vendor: VendorDescription) -> SafeString:
    """Say where in the vendor's console the values are found, and what operators have to know of closed ways."""
    link = SafeString("")
    if vendor.console_url:
        link = format_html(
            '<a class="text-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
            vendor.console_url,
            gettext("Open the vendor's console"),
        )
    parts = [link, translated(vendor.console_path), translated(vendor.closed_note)]
    return format_html_join("", "<p>{}</p>", ((part,) for part in parts if part))


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
        own = field_names(vendor.fields if vendor else (), obj)
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
            kwargs["choices"] = [(int(channel), translated(vendor.title)) for channel, vendor in VENDORS.items()]
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
        return translated(vendor.title) if vendor else Channel(row.channel).label

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
