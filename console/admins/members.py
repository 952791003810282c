"""Members of apps and their roles; newcomers are invited here by the app's administrators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import HORIZONTAL
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from console.access import audit, invitations
from console.access.rights import Right, Scope, scope_of
from console.admins.invitation_links import INVITATION, properties
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import ChoiceFilter
from console.components.scoped_admin import ScopedModelAdmin
from console.components.shown_once import Property, ShownOnceAdmin
from console.models import AuditEntry, Membership

# The choice of somebody who has no account yet.
NEWCOMER = "newcomer"


class RoleFilter(ChoiceFilter):
    """Filter by role."""

    title = _("role")
    parameter_name = "role"
    choices_of_column = Membership.Role.choices


class NewMemberForm(forms.ModelForm):
    """The form that adds a member: somebody who can log in already, or a newcomer, who gets an invitation link.

    The user name is typed rather than chosen, so that an app's administrator gets no list of the installation's users.
    """

    # Of the user who fills in the form; set by `MembershipAdmin.get_form`.
    scope: Scope
    # The entry names the member.
    unaudited = ("who", "username", "email")

    who = forms.ChoiceField(
        label=_("Who"),
        choices=[("known", _("Somebody who can log in already")), (NEWCOMER, _("A newcomer, by an invitation link"))],
        initial="known",
        widget=UnfoldAdminRadioSelectWidget(radio_style=HORIZONTAL),
        help_text=_("The link is shown once, for you to send; it serves once, within three days."),
    )
    username = forms.CharField(label=_("User name"), max_length=150, widget=UnfoldAdminTextInputWidget)
    email = forms.EmailField(label=_("E-mail"), required=False, widget=UnfoldAdminEmailInputWidget)

    class Meta:
        model = Membership
        fields = ("app", "role")

    def clean(self) -> dict[str, Any]:
        """Find or prepare the user; refuse a member of the app, and a role with more rights than one's own."""
        cleaned = super().clean() or {}
        name, app = cleaned.get("username"), cleaned.get("app")
        if name and cleaned.get("who"):
            self._set_user(name, newcomer=cleaned["who"] == NEWCOMER)
        if app and self.instance.user_id and Membership.objects.filter(app=app, user=self.instance.user_id).exists():
            self.add_error("username", _("Already a member of this app: change the role there."))
        if app and not self.scope.may_give(cleaned.get("role", ""), app.pk):
            self.add_error("role", _("You cannot give a role that may do more than your own."))
        return cleaned

    def _set_user(self, name: str, *, newcomer: bool) -> None:
        """Make the member a user who can log in, or a new one, not saved yet."""
        if newcomer:
            self._prepare_newcomer(name)
            return
        known = User.objects.filter(username=name, is_active=True, is_staff=True).first()
        if known is None:
            self.add_error("username", _("Nobody with this name can log in to the console. Invite them as a newcomer."))
        else:
            self.instance.user = known

    def _prepare_newcomer(self, name: str) -> None:
        made = User(username=User.normalize_username(name), email=self.cleaned_data.get("email", ""), is_staff=True)
        made.set_unusable_password()
        try:
            made.clean_fields()
        except ValidationError as error:
            self.add_error("username", error.message_dict.get("username", error.messages))
        if User.objects.filter(username__iexact=made.username).exists():
            self.add_error("username", User._meta.get_field("username").error_messages["unique"])
        self.instance.user = made


class RoleForm(forms.ModelForm):
    """The form that changes a member's role."""

    # Of the user who fills in the form; None on pages for superusers alone.
    scope: Scope | None = None

    def clean_role(self) -> str:
        """Refuse a role with more rights than one's own, and another one for the last administrator of an app."""
        role: str = self.cleaned_data["role"]
        if self.scope is not None and not self.scope.may_give(role, self.instance.app_id):
            raise forms.ValidationError(_("You cannot give a role that may do more than your own."))
        if role != Membership.Role.ADMINISTRATOR and is_last_administrator(self.instance):
            raise forms.ValidationError(_("An app keeps at least one administrator: make somebody else one first."))
        return role


def is_last_administrator(member: Membership) -> bool:
    """Return whether the member is the only administrator of their app."""
    administrators = Membership.objects.filter(app=member.app_id, role=Membership.Role.ADMINISTRATOR)
    return list(administrators.values_list("pk", flat=True)[:2]) == [member.pk]


def refusal_of_invitation(request: HttpRequest, member: Membership) -> Promise | None:
    """Return why the user may make no further invitation link for a member, None if they may.

    Who has the link is that user. So it is given only while nobody has used the account, and only to those who
    administer every app that it leads to.
    """
    user = member.user
    if user.has_usable_password() or user.last_login is not None or not invitations.may_be_invited(user):
        return _("Only newcomers without a password yet are invited again. Superusers invite others, under Users.")
    scope = scope_of(request)
    apps = Membership.objects.filter(user=user).values_list("app_id", flat=True)
    if user.is_superuser or not all(scope.may(Right.CONFIGURE, app_id) for app_id in apps):
        return _("This user has rights beyond your apps: a superuser has to invite them, under Users.")
    return None


@admin.register(Membership)
class MembershipAdmin(ShownOnceAdmin, ScopedModelAdmin):
    """Admin of the members of the user's apps; administrators of an app add, invite, change and remove them."""

    app_path = "app"
    empty_state = EmptyState(
        _("No member yet"),
        _("Members see the app, and do in it what their role allows."),
        NextStep(_("Add a member"), "admin:console_membership_add", right=Right.CONFIGURE),
    )
    actions_detail = ("invite",)
    conditional_fields = {"email": "who == 'newcomer'"}
    shown_once = INVITATION
    list_display = ("user", "app", "role", "created_at")
    list_filter = (RoleFilter,)
    list_select_related = ("user", "app")
    search_fields = ("user__username", "app__app_id", "app__name")
    search_help_text = _("User name, app ID or app name")
    fields = ("user", "app", "role", "created_at")
    add_fieldsets = ((None, {"fields": ("who", "username", "email", "app", "role")}),)
    readonly_fields = ("created_at",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Use `NewMemberForm` to add a member and `RoleForm` to change one."""
        kwargs["form"] = RoleForm if change else NewMemberForm
        form = super().get_form(request, obj, change, **kwargs)
        form.scope = scope_of(request)
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make user and app read-only once the member exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "user", "user_name", "app") if obj else shown

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Show the user by name alone to those who may not open their page: only superusers may."""
        shown = super().get_fieldsets(request, obj)
        if scope_of(request).superuser:
            return shown
        names = {"user": "user_name"}
        return [
            (title, options | {"fields": [names.get(name, name) for name in options["fields"]]})
            for title, options in shown
        ]

    @display(description=_("user"))
    def user_name(self, member: Membership) -> str:
        """Show the user's name."""
        return member.user.get_username()

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Leave it to superusers to remove the last administrator of an app."""
        if isinstance(obj, Membership) and is_last_administrator(obj) and not scope_of(request).superuser:
            return False
        return super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Membership, form: forms.ModelForm, change: bool) -> None:
        """Save a newcomer before the membership, and record that they were made."""
        if obj.user._state.adding:
            obj.user.save()
            audit.record(request, AuditEntry.Action.ADD, obj.user, {"app": obj.app, "role": obj.role})
        super().save_model(request, obj, form, change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Say in the audit log that the new member is a newcomer."""
        message = super().construct_change_message(request, form, formsets, add)
        return "Invited a newcomer." if form.cleaned_data.get("who") == NEWCOMER else message

    def response_add(self, request: HttpRequest, obj: Membership, post_url_continue: str | None = None) -> HttpResponse:
        """Redirect to a newcomer's invitation link; to somebody else's there is none, whatever their password."""
        if request.POST["who"] == NEWCOMER:
            return self.show_once(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def properties_shown_once(self, request: HttpRequest, obj: Model) -> Sequence[Property]:
        """Return the user and a link to set their password."""
        assert isinstance(obj, Membership)
        return properties(request, obj.user)

    @confirmed_action(
        description=_("Invite again"),
        url_path="invite",
        icon="forward_to_inbox",
        permissions=["configure"],
        title=_("Invite again by a link?"),
        consequence=_("You get a new link to send, with which the user sets a password. Former links end now."),
        button=_("Invite"),
        refusal=refusal_of_invitation,
    )
    def invite(self, request: HttpRequest, member: Membership) -> HttpResponse:
        """End the newcomer's former links, and redirect to the new one."""
        invitations.invite(member.user)
        self.log_change(request, member, "Made an invitation link.")
        return self.show_once(request, member)
