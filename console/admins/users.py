"""Users and groups of the installation.

They are managed by superusers. Rights in apps come from memberships alone (`console.access.rights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import HORIZONTAL
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UsernameField
from django.contrib.auth.models import Group, User
from django.db.models import Field, Model
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminRadioSelectWidget

from console.access import audit, invitations
from console.admins.invitation_links import INVITATION, properties
from console.admins.members import RoleForm
from console.components.confirmation import confirmed_action
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import ChoiceFilter
from console.components.scoped_admin import PlainRelations, SuperuserModelAdmin
from console.components.shown_once import Property, ShownOnceAdmin
from console.models import AuditEntry, Membership, SecondFactor

# Importing Django's admin of users has registered it; the classes below replace it.
admin.site.unregister([User, Group])


class ActiveFilter(ChoiceFilter):
    """Filter by whether the user is active."""

    title = _("state")
    parameter_name = "is_active"
    choices_of_column = [("1", capfirst(_("active"))), ("0", capfirst(_("inactive")))]


def name_rights(form: forms.ModelForm) -> None:
    """Label `is_staff` and `is_superuser` with what they mean in the console.

    Django's own help texts speak of model permissions, which have no effect here.
    """
    for name, label, meaning in (
        ("is_staff", _("May log in to the console"), _("With what the roles below give.")),
        ("is_superuser", _("Superuser"), _("May do everything in every app, and manage users.")),
    ):
        form.fields[name].label, form.fields[name].help_text = label, meaning


class NewUserForm(AdminUserCreationForm):
    """The form that adds a user; the first password is set by an invitation link or right here."""

    usable_password = forms.ChoiceField(
        label=_("First password"),
        choices=[("false", _("The user sets it, by an invitation link")), ("true", _("Set here"))],
        initial="false",
        widget=UnfoldAdminRadioSelectWidget(radio_style=HORIZONTAL),
        help_text=_("The link is shown once, for you to send; it serves once, within three days."),
    )

    class Meta:
        model = User
        fields = ("username", "email", "is_staff", "is_superuser")
        field_classes = {"username": UsernameField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_rights(self)
        self.fields["is_staff"].initial = True
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class ChangeForm(UserChangeForm):
    """The form that changes a user."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_rights(self)
        self.fields["groups"].help_text = _("Groups sort users; they give no rights.")
        if "password" in self.fields:
            change = format_html('<a class="text-link underline" href="../password/">{}</a>', _("Change it"))
            self.fields["password"].help_text = format_html("{} {}", _("Nobody can read it."), change)

    def clean(self) -> dict[str, Any]:
        """Refuse changes that leave no active superuser who can log in."""
        given: dict[str, Any] = super().clean() or {}
        stays = given.get("is_active") and given.get("is_staff") and given.get("is_superuser")
        if not stays and is_last_superuser(self.instance.pk):
            raise forms.ValidationError(_("The last superuser who can log in stays one: make somebody else one first."))
        return given


def is_last_superuser(pk: int) -> bool:
    """Return whether the user with this id is the only superuser who can log in."""
    able = User.objects.filter(is_active=True, is_staff=True, is_superuser=True)
    return list(able.values_list("pk", flat=True)[:2]) == [pk]


class RolesInline(PlainRelations, TabularInline):
    """Inline of a user's page: their roles, at most one in each app."""

    model = Membership
    form = RoleForm
    fields = ("app", "role")
    extra = 1
    verbose_name_plural = _("roles in apps")

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Name each input for screen readers, which do not take a table column's heading as its label."""
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        if formfield is not None:
            formfield.widget.attrs["aria-label"] = formfield.label
        return formfield

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Allow it to everyone who may open a user's page, which only superusers may."""
        return True


@admin.register(User)
class UserAdmin(ShownOnceAdmin, SuperuserModelAdmin, DjangoUserAdmin):  # type: ignore[misc]  # actions: None, not ()
    """Admin of users and their roles, for superusers."""

    form = ChangeForm
    add_form = NewUserForm
    add_form_template = None
    inlines = (RolesInline,)
    conditional_fields = {"password1": "usable_password == 'true'", "password2": "usable_password == 'true'"}
    add_fieldsets = (
        (None, {"fields": ("username", "email")}),
        (_("Access"), {"fields": ("is_staff", "is_superuser")}),
        (_("Password"), {"fields": ("usable_password", "password1", "password2")}),
    )
    change_password_form = AdminPasswordChangeForm
    empty_state = EmptyState(
        _("No user yet"),
        _("Who logs in to the console is a user."),
        NextStep(_("Add a user"), "admin:auth_user_add"),
    )
    list_display = ("username", "email", "is_active", "may_log_in", "may_do_everything", "last_login")
    search_help_text = _("Part of a user name, name or e-mail address")
    list_filter = (ActiveFilter,)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "groups")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    actions_detail = ("invite", "remove_second_factor")
    shown_once = INVITATION

    @display(description=_("May log in to the console"), boolean=True, ordering="is_staff")
    def may_log_in(self, user: User) -> bool:
        """Show what the form calls `is_staff`."""
        return user.is_staff

    @display(description=_("Superuser"), boolean=True, ordering="is_superuser")
    def may_do_everything(self, user: User) -> bool:
        """Show `is_superuser` by the form's name."""
        return user.is_superuser

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the roles, and record each change in the audit log of its app, where administrators see it."""
        super().save_formset(request, form, formset, change)
        self._record_roles(request, AuditEntry.Action.ADD, formset.new_objects)
        self._record_roles(request, AuditEntry.Action.CHANGE, [member for member, _fields in formset.changed_objects])
        self._record_roles(request, AuditEntry.Action.DELETE, formset.deleted_objects)

    def _record_roles(self, request: HttpRequest, what: str, members: list[Membership]) -> None:
        for member in members:
            audit.record(request, what, member, {"role": member.role})

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """Redirect to the invitation link, unless the user was given a password or may not log in."""
        if obj.has_usable_password() or not invitations.may_be_invited(obj):
            return super().response_add(request, obj, post_url_continue)
        return self.show_once(request, obj)

    def properties_shown_once(self, request: HttpRequest, obj: Model) -> Sequence[Property]:
        """Return the user and a link to set their password."""
        assert isinstance(obj, User)
        return properties(request, obj)

    @confirmed_action(
        description=_("Invite"),
        url_path="invite",
        icon="forward_to_inbox",
        permissions=["change"],
        title=_("Invite by a link?"),
        consequence=_(
            "You get a link to send, with which the user sets a password. The present password, "
            "sessions and former links end now."
        ),
        refusal=lambda request, user: (
            _("Others are invited, who are active and may log in to the console.")
            if user.pk == request.user.pk or not invitations.may_be_invited(user)
            else None
        ),
    )
    def invite(self, request: HttpRequest, user: User) -> HttpResponse:
        """End the user's password, sessions and former links, and redirect to the new link."""
        invitations.invite(user)
        self.log_change(request, user, "Made an invitation link.")
        return self.show_once(request, user)

    @confirmed_action(
        description=_("Remove two-factor login"),
        url_path="remove-two-factor",
        icon="lock_reset",
        permissions=["change"],
        title=_("Remove two-factor login?"),
        consequence=_("For a user who lost phone and recovery codes: the password alone logs in again."),
        button=_("Remove"),
    )
    def remove_second_factor(self, request: HttpRequest, user: User) -> None:
        """Delete the user's second factor."""
        SecondFactor.objects.filter(user_id=user.pk).delete()
        self.log_change(request, user, "Removed two-factor login.")
        messages.success(request, _("The password alone logs in now."))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Apply the console's rule for query parameters instead of that of Django's admin of users."""
        return SuperuserModelAdmin.lookup_allowed(self, lookup, value, request)


@admin.register(Group)
class GroupAdmin(SuperuserModelAdmin):
    """Admin of groups, which only sort users; they give no rights, so permissions are not offered."""

    empty_state = EmptyState(
        _("No group yet"),
        _("Groups sort users; they give no rights."),
        NextStep(_("Add a group"), "admin:auth_group_add"),
    )
    list_display = ("name",)
    search_fields = ("name",)
    search_help_text = _("Name")
    fields = ("name",)
