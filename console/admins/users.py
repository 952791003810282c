"""Users and groups of the installation. Rights in apps come from memberships alone (`console.access`)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from console.confirmation import confirmation
from console.filters import ChoiceFilter
from console.models import SecondFactor
from console.scoped import SuperuserModelAdmin

# Importing Django's pages registers them; these take their place.
admin.site.unregister([User, Group])


class ActiveFilter(ChoiceFilter):
    title = _("active")
    parameter_name = "is_active"
    choices_of_column = [("1", _("active")), ("0", _("inactive"))]


@admin.register(User)
class UserAdmin(SuperuserModelAdmin, DjangoUserAdmin):  # type: ignore[misc]  # actions: None, not ()
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = (ActiveFilter,)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "groups")}),
        (
            _("Access"),
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": _(
                    "Staff may log in to the console and see the apps they are members of; superusers see "
                    "and may do everything."
                ),
            },
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    actions_detail = ("remove_second_factor",)

    @action(
        description=_("Remove two-factor login"),
        url_path="remove-two-factor",
        icon="lock_reset",
        permissions=["change"],
    )
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if request.method != "POST":
            return confirmation(
                request,
                self,
                user,
                title=_("Remove two-factor login?"),
                consequence=_("For a user who lost phone and recovery codes: the password alone logs in again."),
                button=_("Remove"),
            )
        SecondFactor.objects.filter(user_id=user.pk).delete()
        self.log_change(request, user, "Removed two-factor login.")
        messages.success(request, _("The password alone logs in now."))
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return SuperuserModelAdmin.lookup_allowed(self, lookup, value, request)


@admin.register(Group)
class GroupAdmin(SuperuserModelAdmin):
    """Names to sort users by; they give no rights, so Django's list of permissions is not offered."""

    list_display = ("name",)
    search_fields = ("name",)
    search_help_text = _("Name")
    fields = ("name",)
