"""Users and groups of the installation. Rights in apps come from memberships alone (`console.access`)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from console.filters import ChoiceFilter
from console.scoped import SuperuserModelAdmin

# Importing Django's pages registers them; these take their place.
admin.site.unregister([User, Group])


class ActiveFilter(ChoiceFilter):
    title = "active"
    parameter_name = "is_active"
    choices_of_column = [("1", "active"), ("0", "inactive")]


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
        ("Person", {"fields": ("first_name", "last_name", "email", "groups")}),
        (
            "Access",
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": "Staff may log in to the console and see the apps they are members of; superusers see "
                "and may do everything.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return SuperuserModelAdmin.lookup_allowed(self, lookup, value, request)


@admin.register(Group)
class GroupAdmin(SuperuserModelAdmin):
    """Names to sort users by; they give no rights, so Django's list of permissions is not offered."""

    list_display = ("name",)
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("name",)
