"""Templates as the published package has them (help.aliyun.com, document 2882067), in the RPC API only.

The REST API's own way, with which it shares nothing but the draft, is in `pushcore.api.rest.templates`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pushcore.api.fields import Names, Number, PageNumber, Text, TextMap
from pushcore.api.operation import SCOPE, V2020, Caller, Envelope, Operation
from pushcore.api.schema import RequestSchema
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Template, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from pushcore.storage import ids


class CreateTemplateSchema(RequestSchema):
    """Make a template."""

    codes = {
        "templateName": ResultCode.TEMPLATE_NAME_INVALID,
        "descInfo": ResultCode.TEMPLATE_DESC_INFO_INVALID,
        "title": ResultCode.TEMPLATE_TITLE_INVALID,
        "content": ResultCode.TEMPLATE_CONTENT_INVALID,
        "uri": ResultCode.TEMPLATE_URI_INVALID,
    }

    templateName = Text(source="name", help_text="1 to 200 letters, digits and underscores; unique in the workspace.")
    descInfo = Text(source="description", help_text="Description, 1 to 200 characters.")
    title = Text(help_text="1 to 200 characters.")
    content = Text(source="body", help_text="1 to 200 characters.")
    uri = Text(help_text="URL to open on tap.")
    variables = Names(help_text="Names of the placeholders, separated by commas; else what looks like names.")
    showStyle = Number(source="silent", help_text="0 show, 1 silent push.", required=False, default=0)
    pushStyle = Number(source="style", help_text="0 default, 1 big text, 2 rich.", required=False, default=0)
    messageCategory = Text(source="message_category", help_text="The message category of pushes that name none.")
    jumpAction = Number(source="action", help_text="On tap: 0 web URL, 1 intent activity.", required=False, default=0)
    iconUrls = TextMap(source="icon", help_text="Icon per channel.")
    imageUrls = TextMap(source="image", help_text="Large image per channel.")

    @classmethod
    def build(cls, values: dict[str, Any]) -> TemplateDraft:
        """Make the draft."""
        return TemplateDraft(**values)


class NamedTemplateSchema(RequestSchema):
    """Name a template, by its name or its ID."""

    templateName = Text(help_text="Its name.")
    templateId = Text(help_text="Its ID.")


class ListTemplatePageSchema(RequestSchema):
    """List templates, the newest first."""

    currentPage = PageNumber(help_text="From 1.", default=1)
    pageSize = PageNumber(most=500, help_text="At most 500.", default=10)


def create_template(workspace: Workspace, draft: TemplateDraft, caller: Caller) -> str:
    """Make a template. Returns its ID."""
    return str(templates.create(workspace, draft, author=caller.author).pk)


def get_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Show a template."""
    return _shown(_named(workspace, values))


def delete_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    """Delete a template."""
    templates.delete(workspace, _named(workspace, values).name)


def list_template_page(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """List templates, a page of them, with the page's numbers, which the answer has beside `Data`."""
    page, size = values["currentPage"], values["pageSize"]
    mine = templates.of_workspace(workspace)
    shown = mine[(page - 1) * size : page * size]
    return {
        "data": [_shown(template) for template in shown],
        "currentPage": page,
        "pageSize": size,
        "totalSize": mine.count(),
    }


def _named(workspace: Workspace, values: Mapping[str, Any]) -> Template:
    """Return the template of a name, an ID, or both.

    Raises:
        ResultError: NEED_TEMPLATE; TEMPLATE_NOT_EXIST, also where name and ID are not of one template.
    """
    name, template_id = values["templateName"], values["templateId"].strip()
    if not template_id:
        return templates.named(workspace, name)
    template = Template.objects.filter(workspace=workspace, pk=ids.parse(template_id) or 0).first()
    if template is None or name not in ("", template.name):
        raise ResultError(ResultCode.TEMPLATE_NOT_EXIST)
    return template


def _shown(template: Template) -> dict[str, str]:
    """Show a template as the package reads it, in its newest version: all values are text."""
    return {
        "id": str(template.pk),
        "name": template.name,
        "descInfo": template.description,
        "title": template.title,
        "content": template.body,
        "uri": template.uri,
        "variables": ",".join(sorted(templates.placeholder_names(template))),
        "action": str(template.action),
        "showStyle": str(int(template.silent)),
        "pushStyle": str(template.style),
        "iconUrls": json.dumps(template.icon, ensure_ascii=False) if template.icon else "",
        "messageCategory": template.message_category,
        "imageUrls": json.dumps(template.image, ensure_ascii=False) if template.image else "",
        "gmtCreate": _milliseconds(template.created_at),
        "gmtModified": _milliseconds(template.saved_at),
    }


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


_DRAFT = (*SCOPE, "templateName", "descInfo", "title", "content")

OPERATIONS = (
    Operation(
        "CreateTemplate",
        "",
        "Make a template",
        CreateTemplateSchema,
        create_template,
        {V2020: _DRAFT},
        Envelope.TEMPLATE,
    ),
    Operation(
        "GetTemplate",
        "",
        "Show a template",
        NamedTemplateSchema,
        get_template,
        {V2020: SCOPE},
        Envelope.TEMPLATE,
    ),
    Operation(
        "ListTemplatePage",
        "",
        "List templates",
        ListTemplatePageSchema,
        list_template_page,
        {V2020: SCOPE},
        Envelope.TEMPLATE_PAGE,
    ),
    Operation(
        "DeleteTemplate",
        "",
        "Delete a template",
        NamedTemplateSchema,
        delete_template,
        {V2020: SCOPE},
        Envelope.TEMPLATE,
    ),
)
