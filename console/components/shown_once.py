"""A page that shows a secret or a link once: right after it was made, to the session that made it and to no other.

The session remembers which object's secret may be shown and until when; the secret itself is never put into it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib import messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from unfold.admin import ModelAdmin

SHOW_SECONDS = 300
_SESSION_KEY = "console.shown_once"

Text = str | Promise


class Property(NamedTuple):
    """A line of the page; a copyable one has a button for that."""

    label: Text
    value: str
    copyable: bool = False


@dataclass(frozen=True, slots=True)
class ShownOnce:
    """The texts of a page, and its address below the object's.

    Attributes:
        name: The last part of the address, and of the URL's name (`APP_MODEL_NAME`).
        title: The page's title.
        warning: Tells the user to copy what is shown.
        refusal: Tells a user who asks again why nothing is shown.
    """

    name: str
    title: Text
    warning: Text
    refusal: Text


class ShownOnceAdmin(ModelAdmin):
    """Base admin class of models whose new object, or an action on it, leads to a page that shows something once."""

    shown_once: ShownOnce

    def properties_shown_once(self, request: HttpRequest, obj: Model) -> Sequence[Property]:
        """Return what the page shows of the object."""
        raise NotImplementedError

    @property
    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{self.shown_once.name}"

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        view = self.admin_site.admin_view(self._shown_once_view)
        urls: list[URLPattern] = super().get_urls()
        return [path(f"<int:pk>/{self.shown_once.name}/", view, name=self._url_name), *urls]

    def show_once(self, request: HttpRequest, obj: Model) -> HttpResponse:
        """Let this session open the object's page once within `SHOW_SECONDS`, and redirect to it."""
        request.session[_SESSION_KEY] = {"page": self._url_name, "pk": obj.pk, "until": time.time() + SHOW_SECONDS}
        return HttpResponseRedirect(reverse(f"admin:{self._url_name}", args=[obj.pk]))

    def _shown_once_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the page to the session that may open it; redirect to the object's own page on any other request."""
        obj = self.get_object(request, str(pk))
        if obj is None:
            raise Http404
        allowed = request.session.pop(_SESSION_KEY, None) or {}
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])
        if (allowed.get("page"), allowed.get("pk")) != (self._url_name, pk) or time.time() > allowed["until"]:
            messages.warning(request, str(self.shown_once.refusal))
            return HttpResponseRedirect(back)
        context = self.admin_site.each_context(request) | {
            "title": self.shown_once.title,
            "warning": self.shown_once.warning,
            "properties": self.properties_shown_once(request, obj),
            "opts": self.opts,
            "original": obj,
            "back": back,
        }
        return TemplateResponse(request, "console/shown_once.html", context)
