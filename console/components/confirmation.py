"""A page that asks before something is done: nothing changes by following a link."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from unfold.admin import ModelAdmin

Text = str | Promise


def confirmation(
    request: HttpRequest, admin: ModelAdmin, obj: Model, *, title: Text, consequence: Text, button: Text
) -> HttpResponse:
    """The page to answer a GET with; its button POSTs to the same address."""
    context = admin.admin_site.each_context(request) | {
        "title": title,
        "consequence": consequence,
        "button": button,
        "opts": admin.opts,
        "original": obj,
        "back": f"../../{obj.pk}/change/",
    }
    return TemplateResponse(request, "console/confirmation.html", context)
