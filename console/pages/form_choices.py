"""The choices that a form's relation searches, where there are too many for a list."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import site
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import QuerySet

from console.components.scoped_admin import ScopedModelAdmin


class FormChoices(AutocompleteJsonView):
    """Find, of what the user may see, what the form that asks would accept."""

    def get_queryset(self) -> QuerySet[Any]:
        """Limit Django's results to the choices of the relation; none where its model has no form in the console."""
        found: QuerySet[Any] = super().get_queryset()
        field = self.source_field
        asking = site._registry.get(field.model)
        if not isinstance(asking, ScopedModelAdmin):
            return found.none()
        return found.filter(pk__in=asking.choices_of(field, self.request).order_by().values("pk"))
