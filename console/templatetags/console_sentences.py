"""Kept English sentences in templates, in the operator's language: `{{ text|said }}`."""

from __future__ import annotations

from django import template

from console.locale.sentences import said

register = template.Library()
register.filter("said", said)
