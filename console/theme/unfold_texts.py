"""Texts of the admin theme, django-unfold, which comes without catalogs: marked for the console's."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

TEXTS = (
    _("Expand row"),
    _("Apply Filters"),
    _("Light"),
    _("Dark"),
    _("System"),
    _("Select value"),
)
