"""The pages of the console, found by what is registered there: one that is new is not forgotten.

Django has to be set up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import reverse

import console.admins  # noqa: F401 - registers the pages of models
from console.pages import ROUTES
from pushcore.models import PushTask

# Addresses of `console.pages` that show no page, by their names.
ANSWERS_OF_SCRIPTS = frozenset(
    {
        "analysis_export",
        "export_user",
        "command_palette",
        "export_state",
        "export_file",
        "upload_file",
        "inspect_file",
        "preview_message",
        "preview_template",
        "count_segment",
        "discard_draft",
        "dismiss_setup",
        "save_draft",
        "push_test",
        "switch_workspace",
        "find_workspaces",
        "device_simulator_switch_on",
        "device_simulator_push",
        "pushcore_workspace_device_configuration",
    }
)
# Pages of one object, whose number is in their address, by their names.
OF_AN_OBJECT = frozenset({"pushcore_device_connection_log"})
# What stands in the address of a page that has arguments.
ARGUMENTS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "create_message": [{"kind": kind.value} for kind in PushTask.Kind if kind != PushTask.Kind.REVOKE]
}
# With what is asked for.
QUERIES = {"query_tool": ("", "?dimension=user&target=anna.berg", "?dimension=user&target=nobody")}

# Pages of an object besides its own, by the list that it is in: the ends of their addresses.
FURTHER_PAGES: Mapping[str, Sequence[str]] = {
    "pushcore/template/": ("edit", "delete"),
    "pushcore/device/": ("open-log",),
}


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A page of the console.

    Attributes:
        address: Below `/console/`.
        is_list: It lists objects, of which each may have a page of its own.
    """

    address: str
    is_list: bool = False

    @property
    def name(self) -> str:
        """The name of a file with its picture."""
        return re.sub(r"[^a-z0-9_]+", "-", self.address.lower()).strip("-") or "home"


def console_pages() -> list[ConsolePage]:
    """Return all pages that a superuser can open, but for those of single objects."""
    found = [ConsolePage(""), ConsolePage("password_change/")]
    for page in ROUTES:
        if page.name not in ANSWERS_OF_SCRIPTS | OF_AN_OBJECT:
            for arguments in ARGUMENTS.get(page.name, [{}]):
                address = _below(reverse(f"admin:{page.name}", kwargs=dict(arguments)))
                found += [ConsolePage(address + query) for query in QUERIES.get(page.name, ("",))]
    request = RequestFactory().get("/")
    request.user = User(is_active=True, is_superuser=True)
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found.append(ConsolePage(_below(reverse(f"admin:{name}_changelist")), is_list=True))
        if model_admin.has_add_permission(request):
            found.append(ConsolePage(_below(reverse(f"admin:{name}_add"))))
    return found


def _below(path: str) -> str:
    return path.removeprefix(reverse("admin:index"))
