"""Pages of the console that belong to no model: one module each, and the routes to them below /console/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpResponseBase

from console.pages.analysis import analysis
from console.pages.analysis_export import ask_export
from console.pages.channels import channels
from console.pages.command_palette import search_everything
from console.pages.connection_log import connection_log
from console.pages.create.drafts import discard_draft, save_draft
from console.pages.create.files import inspect_file, upload_file
from console.pages.create.testing import push_test
from console.pages.create.views import create_message, preview_message
from console.pages.device_configuration import device_configuration
from console.pages.device_simulator import device_simulator, push_to_simulator, switch_on
from console.pages.exports import export_file, export_state
from console.pages.home.setup import dismiss_setup
from console.pages.personal_data import export_user
from console.pages.profile import profile
from console.pages.query_tool import query_tool
from console.pages.schedule_calendar import schedule_calendar
from console.pages.segment_count import count_segment
from console.pages.switch_workspace import find_workspaces, switch_workspace
from console.pages.templates.form_page import preview_template
from console.pages.two_factor import two_factor


@dataclass(frozen=True, slots=True)
class Route:
    """A view of the console and its address.

    Attributes:
        path: The path below /console/.
        name: The URL name, without the `admin:` that `reverse` needs before it.
        view: The view function.
    """

    path: str
    name: str
    view: Callable[..., HttpResponseBase]


ROUTES: tuple[Route, ...] = (
    Route("command-palette/", "command_palette", search_everything),
    Route("query-tool/", "query_tool", query_tool),
    Route("query-tool/export-user/", "export_user", export_user),
    Route("analysis/", "analysis", analysis),
    Route("analysis/export/", "analysis_export", ask_export),
    Route("exports/<int:pk>/", "export_state", export_state),
    Route("exports/<int:pk>/file/", "export_file", export_file),
    Route("create/file/", "upload_file", upload_file),
    Route("create/file/inspect/", "inspect_file", inspect_file),
    Route("create/<str:kind>/", "create_message", create_message),
    Route("create/draft/<uuid:key>/discard/", "discard_draft", discard_draft),
    Route("create/<str:kind>/preview/", "preview_message", preview_message),
    Route("create/<str:kind>/draft/", "save_draft", save_draft),
    Route("create/<str:kind>/test/", "push_test", push_test),
    Route("dismiss-setup/", "dismiss_setup", dismiss_setup),
    Route("switch-workspace/", "switch_workspace", switch_workspace),
    Route("switch-workspace/found/", "find_workspaces", find_workspaces),
    Route("templates/preview/", "preview_template", preview_template),
    Route("segments/count/", "count_segment", count_segment),
    Route("schedule-calendar/", "schedule_calendar", schedule_calendar),
    Route("channels/", "channels", channels),
    Route("profile/", "profile", profile),
    Route("two-factor/", "two_factor", two_factor),
    Route("connection-log/<int:pk>/", "pushcore_device_connection_log", connection_log),
    Route("device-configuration/<int:pk>/", "pushcore_workspace_device_configuration", device_configuration),
    Route("device-simulator/", "device_simulator", device_simulator),
    Route("device-simulator/switch-on/", "device_simulator_switch_on", switch_on),
    Route("device-simulator/push/", "device_simulator_push", push_to_simulator),
)
