"""Templates on the REST API: `/api/v1/templates` and `/api/v1/templates/{name}`."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from pushcore.api.fields import Names, Number, Text, TextMap
from pushcore.api.rest.endpoint import (
    REPLAY_FIELDS,
    SignedView,
    answer,
    check_head_of_body,
    page_number,
    verified_body,
    verified_path,
)
from pushcore.api.rest.openapi import SIGNATURE, WORKSPACE, Answer, answer_with
from pushcore.api.schema import RequestSchema
from pushcore.codes.results import ResultCode
from pushcore.models import Template
from pushcore.push import templates
from pushcore.push.templates import TemplateDraft

PAGE_SIZE = 100


def _template_fields() -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    return {
        "name": serializers.CharField(),
        "description": serializers.CharField(),
        "displayType": serializers.IntegerField(),
        "style": serializers.IntegerField(),
        "title": serializers.CharField(),
        "body": serializers.CharField(),
        "action": serializers.IntegerField(),
        "uri": serializers.CharField(),
        "icon": serializers.DictField(child=serializers.CharField()),
        "image": serializers.DictField(child=serializers.CharField()),
        "messageCategory": serializers.CharField(),
        "placeholders": serializers.ListField(child=serializers.CharField()),
        "createdAt": serializers.IntegerField(help_text="Milliseconds since 1970."),
    }


_Template = type(inline_serializer("Template", _template_fields()))
_ONE = answer_with("TemplateAnswer", _Template(allow_null=True))
_PAGE_FIELDS: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "total": serializers.IntegerField(),
    "templates": _Template(many=True),
}
_PAGE = answer_with("TemplatesAnswer", inline_serializer("TemplatePage", _PAGE_FIELDS, allow_null=True))


def shown(template: Template) -> dict[str, Any]:
    """Show a template as this API has it."""
    return {
        "name": template.name,
        "description": template.description,
        "displayType": int(template.silent),
        "style": template.style,
        "title": template.title,
        "body": template.body,
        "action": template.action,
        "uri": template.uri,
        "icon": template.icon,
        "image": template.image,
        "messageCategory": template.message_category,
        "placeholders": sorted(templates.placeholder_names(template)),
        "createdAt": int(template.created_at.timestamp() * 1000),
    }


class TemplateSchema(RequestSchema):
    """A message template. Placeholders in title, body and uri are written `#name#`."""

    codes = {
        "name": ResultCode.TEMPLATE_NAME_INVALID,
        "description": ResultCode.TEMPLATE_DESC_INFO_INVALID,
        "title": ResultCode.TEMPLATE_TITLE_INVALID,
        "body": ResultCode.TEMPLATE_CONTENT_INVALID,
        "uri": ResultCode.TEMPLATE_URI_INVALID,
    }

    name = Text(help_text="1 to 200 letters, digits and underscores; unique in the workspace.")
    description = Text(help_text="1 to 200 characters.")
    displayType = Number(source="silent", help_text="0 show, 1 silent push.", required=False, default=0)
    style = Number(  # type: ignore[assignment]  # the metaclass takes it out of the class
        help_text="0 default, 1 big text, 2 rich.", required=False, default=0
    )
    title = Text(help_text="1 to 200 characters.")
    body = Text(help_text="1 to 200 characters.")
    action = Number(help_text="On tap: 0 web URL, 1 intent activity.", required=False, default=0)
    uri = Text(help_text="URL to open on tap.")
    variables = Names(help_text="Names of the placeholders, separated by commas; else what looks like names.")
    messageCategory = Text(source="message_category", help_text="The message category of pushes that name none.")
    icon = TextMap(help_text="Icon per channel.")
    image = TextMap(help_text="Large image per channel.")

    @classmethod
    def build(cls, values: dict[str, Any]) -> TemplateDraft:
        """Make the draft."""
        return TemplateDraft(**values)


class TemplatesView(SignedView):
    """All templates of a workspace."""

    http_method_names = ["get", "post", "options"]
    check_head = staticmethod(check_head_of_body)

    @extend_schema(
        operation_id="CreateTemplate",
        summary="Make a template",
        request={"application/json": TemplateSchema},
        responses={200: Answer},
        parameters=SIGNATURE,
    )
    def post(self, request: Request) -> JsonResponse:
        """Make a template. Its data is the name."""

        def create() -> str:
            workspace, values = verified_body(request._request)
            TemplateSchema.refuse_unknown(values, REPLAY_FIELDS)
            return templates.create(workspace, TemplateSchema.read(values)).name

        return answer(request._request, "CreateTemplate", create)

    @extend_schema(
        operation_id="ListTemplates",
        summary="List templates, the newest first",
        responses={200: _PAGE},
        parameters=[*WORKSPACE, *SIGNATURE, OpenApiParameter("page", int, description="From 1; a hundred a page.")],
    )
    def get(self, request: Request) -> JsonResponse:
        """List the templates of a workspace, a hundred a page."""

        def page() -> dict[str, Any]:
            workspace, parameters = verified_path(request._request, ("page",))
            mine = templates.of_workspace(workspace)
            start = (page_number(parameters, "page") - 1) * PAGE_SIZE
            return {"total": mine.count(), "templates": [shown(row) for row in mine[start : start + PAGE_SIZE]]}

        return answer(request._request, "ListTemplates", page)


class TemplateView(SignedView):
    """One template, by name."""

    http_method_names = ["get", "delete", "options"]

    @extend_schema(
        operation_id="GetTemplate",
        summary="Show a template",
        responses={200: _ONE},
        parameters=[*WORKSPACE, *SIGNATURE],
    )
    def get(self, request: Request, name: str) -> JsonResponse:
        """Show a template, by its name."""
        return answer(
            request._request,
            "GetTemplate",
            lambda: shown(templates.named(verified_path(request._request, ())[0], name)),
        )

    @extend_schema(
        operation_id="DeleteTemplate",
        summary="Delete a template",
        responses={200: Answer},
        parameters=[*WORKSPACE, *SIGNATURE],
    )
    def delete(self, request: Request, name: str) -> JsonResponse:
        """Delete a template, by its name."""
        return answer(
            request._request, "DeleteTemplate", lambda: templates.delete(verified_path(request._request, ())[0], name)
        )
