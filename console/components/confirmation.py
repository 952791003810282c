"""The confirmation page of an action: a GET asks, and only the POST of its button changes something."""

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
    """Render the confirmation page that answers the GET of an action; its button POSTs to the same address."""
    context = admin.admin_site.each_context(request) | {
        "title": title,
        "consequence": consequence,
        "button": button,
        "opts": admin.opts,
        "original": obj,
        "back": f"../../{obj.pk}/change/",
    }
    return TemplateResponse(request, "console/confirmation.html", context)
