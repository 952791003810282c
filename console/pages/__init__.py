"""Pages of the console that are not a model's: one module each, listed here with the path it has under /console/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from console.pages.simple_push import simple_push


@dataclass(frozen=True, slots=True)
class Page:
    """`name` is what `reverse("admin:...")` knows it by."""

    path: str
    name: str
    view: Callable[[HttpRequest], HttpResponse]


PAGES: tuple[Page, ...] = (Page("simple-push/", "simple_push", simple_push),)
