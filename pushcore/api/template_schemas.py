"""Request schemas of templates as the published package has them."""

from __future__ import annotations

from pushcore.api.schemas import RequestSchema
from pushcore.api.values import Number, Text, TextMap
from pushcore.codes.results import ResultCode


class CreateTemplateSchema(RequestSchema):
    """Make a template."""

    codes = {
        "templateName": ResultCode.TEMPLATE_NAME_INVALID,
        "descInfo": ResultCode.TEMPLATE_DESC_INFO_INVALID,
        "title": ResultCode.TEMPLATE_TITLE_INVALID,
        "content": ResultCode.TEMPLATE_CONTENT_INVALID,
        "uri": ResultCode.TEMPLATE_URI_INVALID,
    }

    templateName = Text(help_text="1 to 200 letters, digits and underscores; unique in the workspace.")
    descInfo = Text(help_text="Description, 1 to 200 characters.")
    title = Text(help_text="1 to 200 characters.")
    content = Text(help_text="1 to 200 characters.")
    uri = Text(help_text="URL to open on tap.")
    variables = Text(help_text="Names of the placeholders, separated by commas; else what looks like names.")
    showStyle = Number(help_text="0 show, 1 silent push.", required=False, default=0)
    pushStyle = Number(help_text="0 default, 1 big text, 2 rich.", required=False, default=0)
    jumpAction = Number(help_text="On tap: 0 web URL, 1 intent activity.", required=False, default=0)
    iconUrls = TextMap(help_text="Icon per channel.")
    imageUrls = TextMap(help_text="Large image per channel.")


class NamedTemplateSchema(RequestSchema):
    """Name a template, by its name or its ID."""

    templateName = Text(help_text="Its name.")
    templateId = Text(help_text="Its ID.")


class ListTemplatePageSchema(RequestSchema):
    """List templates, the newest first."""

    currentPage = Number(help_text="From 1.", required=False, default=1)
    pageSize = Number(help_text="At most 500.", required=False, default=10)
