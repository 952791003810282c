"""Accounts at providers of SMS: their credentials, and a check of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from console.access import audit
from console.access.rights import Right
from console.components.account_form import AccountForm, field_names, form_with, translated
from console.components.columns import copyable, label
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import EnabledFilter, WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin
from console.locale.sentences import said
from console.models import AuditEntry
from sms import accounts
from sms.base import sentences
from sms.models import SmsAccount
from sms.providers import PROVIDERS


class NewSmsAccountForm(forms.ModelForm):
    """The form of an account that is added."""

    provider = forms.ChoiceField(label=_("Provider"), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["provider"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(name, translated(provider.title)) for name, provider in PROVIDERS.items()]


class SmsAccountForm(AccountForm):
    """The form of an SMS account; `form_with` adds the provider's own fields."""

    destination = accounts.DESTINATION

    def wrong_values(self, values: Mapping[str, str], *, is_complete: bool) -> Mapping[str, str]:
        """Ask the provider's description."""
        check = accounts.wrong_values if is_complete else accounts.wrong_entries
        return check(self.instance.description, values)

    def wrong_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Check address and authority."""
        return accounts.wrong_destination(**given)

    def clean_base_url(self) -> str:
        """Refuse an account in use without an address where the provider has none of its own."""
        url: str = self.cleaned_data["base_url"]
        if not url and not self.instance.description.base_url and self.data.get("enabled"):
            raise forms.ValidationError(capfirst(said(sentences.IS_NEEDED)))
        return url


def problem_said(row: SmsAccount, problem: str) -> str:
    """Return a problem of an account in the user's language, its field named as the form does."""
    name, colon, reason = problem.partition(": ")
    labels = {entry.name: translated(entry.label) for entry in row.description.fields}
    columns = {field.name: field.verbose_name for field in SmsAccount._meta.fields}
    labels |= {name: str(columns[name]) for name in accounts.DESTINATION}
    return f"{labels[name]}: {said(reason)}" if colon and name in labels else capfirst(said(problem))


@admin.register(SmsAccount)
class SmsAccountAdmin(ScopedModelAdmin):
    """Admin of SMS accounts.

    An account is first added for a workspace and a provider, switched off; its page then asks for what the provider
    needs.
    """

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No SMS account yet"),
        _("Through an account of a provider, messages that do not arrive in time are sent by SMS."),
        NextStep(_("Add an SMS account"), "admin:sms_smsaccount_add", right=Right.CONFIGURE),
    )
    list_display = ("provider_title", "workspace", "state", "updated_at")
    list_filter = (WorkspaceFilter, EnabledFilter)
    list_select_related = ("workspace__app",)
    readonly_fields = ("provider_title", "state", "report_address", "updated_at")
    actions_detail = ("check_account",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the provider's fields; a new account is only asked for workspace and provider."""
        if obj is None:
            return ((None, {"fields": ("workspace", "provider")}),)
        reports = [(_("Delivery reports"), {"fields": ("report_address",)})]
        if not self.may(request, Right.CONFIGURE, obj):
            reports = []
        own = field_names(obj.description.fields, obj)
        return (
            (None, {"fields": self.with_times(["provider_title", "workspace", "enabled", "state", "updated_at"])}),
            (_("Account"), {"fields": own, "description": _console_link(obj)}),
            *reports,
            (_("Sending"), {"fields": ("rate", "base_url", "ca_pem")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make the workspace read-only once the account exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "workspace") if obj else shown

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Use the form with the provider's fields for an account that exists."""
        kwargs["form"] = form_with(SmsAccountForm, obj, obj.description.fields) if obj else NewSmsAccountForm
        return super().get_form(request, obj, change, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SmsAccount]:
        """Fetch workspace and app in the same query."""
        return super().get_queryset(request).select_related("workspace__app")

    def save_model(self, request: HttpRequest, obj: SmsAccount, form: forms.ModelForm, change: bool) -> None:
        """Save the account; a new one starts switched off, and a stopped one is used again once it is saved."""
        if change:
            obj.stopped_at, obj.stopped_reason = None, ""
        else:
            obj.enabled = False
        super().save_model(request, obj, form, change)

    @display(description=_("provider"))
    def provider_title(self, row: SmsAccount) -> str:
        """Show the provider's name."""
        return translated(row.description.title)

    @display(description=_("state"))
    def state(self, row: SmsAccount) -> SafeString:
        """Show whether the account is in use, off or stopped."""
        if row.stopped_at is not None:
            return label("red", f"{gettext('stopped')}: {row.stopped_reason}")
        return label("green", gettext("in use")) if row.enabled else label("grey", gettext("off"))

    @display(description=_("address"))
    def report_address(self, row: SmsAccount) -> SafeString:
        """Show the address that the provider posts its reports to, to users who may configure the app.

        Whoever knows it can post reports in the name of a provider that does not sign them.
        """
        return copyable(row.report_url or f"/sms/receipts/{row.report_key}")

    @confirmed_action(
        description=_("Check"),
        url_path="check",
        icon="fact_check",
        permissions=["configure"],
        title=_("Check this account?"),
        consequence=_("The provider is called once without a phone number; nobody gets anything."),
    )
    def check_account(self, request: HttpRequest, row: SmsAccount) -> None:
        """Call the provider without a phone number, and show what is wrong."""
        found = accounts.problems(row)
        details = {"what": "Checked the account.", "outcome": "; ".join(found) or "in order"}
        audit.record(
            request, AuditEntry.Action.TEST, row, details | ({"API address": row.base_url} if row.base_url else {})
        )
        if found:
            messages.error(request, "; ".join(problem_said(row, problem) for problem in found))
        else:
            messages.success(request, _("The account is in order."))


def _console_link(row: SmsAccount) -> SafeString:
    """Link to the provider's console, where the values are found."""
    if not row.description.console_url:
        return SafeString("")
    return format_html(
        '<a class="text-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
        row.description.console_url,
        gettext("Open the provider's console"),
    )
