"""Actions of an object's page that ask first: a GET shows what follows, and only the POST of its button acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from unfold.decorators import action

Text = str | Promise

# The query parameter that tells where the user came from, and its only value.
FROM, LIST = "from", "list"


def _back(request: HttpRequest, obj: Model) -> str:
    """Return the address of the list for who came from a row of it, else of the object's page."""
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}"
    if request.GET.get(FROM) == LIST:
        return reverse(f"{name}_changelist")
    return reverse(f"{name}_change", args=[obj.pk])


def confirmed_action(
    *,
    description: Text,
    url_path: str,
    icon: str,
    permissions: Sequence[str],
    title: Text,
    consequence: Text | Callable[[Any], Text],
    button: Text | None = None,
    refusal: Callable[[HttpRequest, Any], Text | None] | None = None,
) -> Callable[[Callable[..., HttpResponse | None]], Any]:
    """Make a method of an admin class an action that asks for confirmation.

    The method takes the request and the object, is called on POST only, and may return a response; without one the
    user is led back to the object's page, or with `?from=list` to the list (`console.components.row_links`).

    Args:
        description: The label of the button on the object's page.
        url_path: The end of the action's address.
        icon: The button's icon.
        permissions: What the user needs, as django-unfold's `action` takes it.
        title: The question.
        consequence: What follows, also as a function of the object.
        button: The label of the button that confirms; by default the description.
        refusal: Returns why the action is not possible now, None where it is: then nobody is asked.
    """

    def decorate(act: Callable[..., HttpResponse | None]) -> Any:
        @wraps(act)
        def ask_or_act(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_object(request, object_id)
            back = _back(request, obj)
            reason = refusal(request, obj) if refusal else None
            if reason:
                messages.error(request, str(reason))
            elif request.method != "POST":
                context = self.admin_site.each_context(request) | {
                    "title": title,
                    "consequence": consequence(obj) if callable(consequence) else consequence,
                    "button": button or description,
                    "opts": self.opts,
                    "original": obj,
                    "back": back,
                }
                return TemplateResponse(request, "console/confirmation.html", context)
            else:
                answer = act(self, request, obj)
                if answer is not None:
                    return answer
            return HttpResponseRedirect(back)

        return action(description=description, url_path=url_path, icon=icon, permissions=permissions)(ask_or_act)

    return decorate
