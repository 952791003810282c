"""Templates as the published package has them (help.aliyun.com, document 2882067); `rest_templates` has REST's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pushcore.api.operation import Caller
from pushcore.api.schemas import between, names_in
from pushcore.codes.results import ResultCode, ResultError
from pushcore.models import Template, Workspace
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft
from pushcore.storage import ids


def create_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> str:
    draft = TemplateDraft(
        name=values["templateName"],
        description=values["descInfo"],
        title=values["title"],
        body=values["content"],
        silent=values["showStyle"],
        style=values["pushStyle"],
        action=values["jumpAction"],
        uri=values["uri"],
        icon=values["iconUrls"],
        image=values["imageUrls"],
        variables=names_in(values["variables"]),
    )
    return str(templates.create(workspace, draft).pk)


def get_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    return _shown(_named(workspace, values))


def delete_template(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> None:
    templates.delete(workspace, _named(workspace, values).name)


def list_template_page(workspace: Workspace, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """What stands beside `Data` in the answer, too."""
    page, size = between(values, "currentPage", 1, 1_000_000), between(values, "pageSize", 1, 500)
    mine = templates.of_workspace(workspace)
    shown = mine[(page - 1) * size : page * size]
    return {
        "data": [_shown(template) for template in shown],
        "currentPage": page,
        "pageSize": size,
        "totalSize": mine.count(),
    }


def _named(workspace: Workspace, values: Mapping[str, Any]) -> Template:
    """Raises `ResultError`: NEED_TEMPLATE, TEMPLATE_NOT_EXIST, also where name and ID are not of one template."""
    name, given = values["templateName"], values["templateId"].strip()
    if not given:
        return templates.named(workspace, name)
    found = Template.objects.filter(workspace=workspace, pk=ids.parse(given) or 0).first()
    if found is None or name not in ("", found.name):
        raise ResultError(ResultCode.TEMPLATE_NOT_EXIST)
    return found


def _shown(template: Template) -> dict[str, str]:
    """The package has texts only. A template is never edited."""
    made = str(int(template.created_at.timestamp() * 1000))
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
        "imageUrls": json.dumps(template.image, ensure_ascii=False) if template.image else "",
        "gmtCreate": made,
        "gmtModified": made,
    }
