"""Who may send a body is looked at before it is read, where the request's head says it.

The web server asks for that where a body does not follow its head at once, or may be large: it has the application look
at the request without its body (`HEAD_CHECK` in the environment). 100 means that the body may come; any other answer is
the refusal. Nothing is counted or used up: the request is looked at again, and served, once its body is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

HEAD_CHECK = "mps.head_check"

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
# Takes the request and what its path says; returns the refusal, or None.
Check = Callable[..., HttpResponseBase | None]


def head_check(check: Check) -> Callable[[View], View]:
    """Decorate a view with what is looked at before its body is read. Stands above the view's other decorators."""

    def decorate(view: View) -> View:
        setattr(view, "check_head", check)  # noqa: B010 - a function has no such attribute for mypy
        return view

    return decorate


def is_wanted(request: HttpRequest) -> bool:
    """Whether only the head of this request is here."""
    return HEAD_CHECK in request.META


def checked(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The answer about a head: the refusal of the view (a function, or made by `as_view`), or 100."""
    check: Check | None = getattr(view, "check_head", None) or getattr(
        getattr(view, "view_class", None), "check_head", None
    )
    refusal = check(request, *args, **kwargs) if check is not None else None
    return HttpResponse(status=100) if refusal is None else refusal
