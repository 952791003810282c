"""Refuse a request by its head, before its body is read.

The web server asks for this check where a body does not follow its head at once or may be large: it passes the request
to the application without its body (`HEAD_CHECK` in the environment). The answer 100 lets the body come; any other
answer is the refusal. The check counts and consumes nothing, for the whole request is served again afterwards.
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
    """Decorate a view with the check made before its body is read. Must stand above the view's other decorators."""

    def decorate(view: View) -> View:
        setattr(view, "check_head", check)  # noqa: B010 - a function has no such attribute for mypy
        return view

    return decorate


def is_wanted(request: HttpRequest) -> bool:
    """Tell whether only the head of this request was received."""
    return HEAD_CHECK in request.META


def checked(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Return the view's refusal of a head, or a response with status 100.

    Args:
        view: A view function, or one made by `as_view`.
        request: The request, without its body.
        args: What the path says, as for the view.
        kwargs: The same, by name.
    """
    check: Check | None = getattr(view, "check_head", None) or getattr(
        getattr(view, "view_class", None), "check_head", None
    )
    refusal = check(request, *args, **kwargs) if check is not None else None
    return HttpResponse(status=100) if refusal is None else refusal
