"""Members of apps and their roles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from console.access.rights import Right, scope_of
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import ChoiceFilter
from console.components.scoped_admin import ScopedModelAdmin
from console.models import Membership


class RoleFilter(ChoiceFilter):
    """Filter by role."""

    title = _("role")
    parameter_name = "role"
    choices_of_column = Membership.Role.choices


class NewMemberForm(forms.ModelForm):
    """The form that adds a member.

    The user name is typed rather than chosen, so that an app's administrator gets no list of the installation's users.
    """

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The user name of somebody who can log in to the console."),
    )

    class Meta:
        model = Membership
        fields = ("app", "role")

    def clean_username(self) -> str:
        """Require an active user who may log in to the console, and make them the member."""
        name: str = self.cleaned_data["username"]
        user = get_user_model().objects.filter(username=name, is_active=True, is_staff=True).first()
        if user is None:
            raise forms.ValidationError(_("Nobody with this name can log in to the console."))
        self.instance.user = user
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse a user who is a member of the app already."""
        cleaned = super().clean() or {}
        app = cleaned.get("app")
        if app and self.instance.user_id and Membership.objects.filter(app=app, user=self.instance.user_id).exists():
            self.add_error("username", _("Already a member of this app: change the role there."))
        return cleaned


class RoleForm(forms.ModelForm):
    """The form that changes a member's role."""

    def clean_role(self) -> str:
        """Refuse another role for the last administrator of an app."""
        role: str = self.cleaned_data["role"]
        if role != Membership.Role.ADMINISTRATOR and is_last_administrator(self.instance):
            raise forms.ValidationError(_("An app keeps at least one administrator: make somebody else one first."))
        return role


def is_last_administrator(member: Membership) -> bool:
    """Return whether the member is the only administrator of their app."""
    administrators = Membership.objects.filter(app=member.app_id, role=Membership.Role.ADMINISTRATOR)
    return list(administrators.values_list("pk", flat=True)[:2]) == [member.pk]


@admin.register(Membership)
class MembershipAdmin(ScopedModelAdmin):
    """Admin of the members of the user's apps; administrators of an app add, change and remove them."""

    app_path = "app"
    empty_state = EmptyState(
        _("No member yet"),
        _("Members see the app, and do in it what their role allows."),
        NextStep(_("Add a member"), "admin:console_membership_add", right=Right.CONFIGURE),
    )
    list_display = ("user", "app", "role", "created_at")
    list_filter = (RoleFilter,)
    list_select_related = ("user", "app")
    search_fields = ("user__username", "app__app_id", "app__name")
    search_help_text = _("User name, app ID or app name")
    fields = ("user", "app", "role", "created_at")
    add_fieldsets = ((None, {"fields": ("username", "app", "role")}),)
    readonly_fields = ("created_at",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Use `NewMemberForm` to add a member and `RoleForm` to change one."""
        kwargs["form"] = RoleForm if change else NewMemberForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make user and app read-only once the member exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "user", "app") if obj else shown

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Leave it to superusers to remove the last administrator of an app."""
        if isinstance(obj, Membership) and is_last_administrator(obj) and not scope_of(request).superuser:
            return False
        return super().has_delete_permission(request, obj)
