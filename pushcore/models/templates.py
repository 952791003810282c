"""Message template: content with placeholders."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace


class Template(models.Model):
    """Content with placeholders (`#name#`) in title, body and URL, used by template, multiple and broadcast pushes."""

    class Style(models.IntegerChoices):
        DEFAULT = 0, _("default (short text)")
        BIG_TEXT = 1, _("big text")
        RICH = 2, _("rich text")

    class Action(models.IntegerChoices):
        WEB_URL = 0, _("open web URL")
        INTENT_ACTIVITY = 1, _("open intent activity")

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="templates", verbose_name=_("workspace")
    )
    name = models.CharField(_("name"), max_length=200)
    description = models.CharField(_("description"), max_length=200)
    silent = models.BooleanField(_("silent push"), default=False)
    style = models.SmallIntegerField(_("display style"), choices=Style.choices, default=Style.DEFAULT)
    title = models.CharField(_("title"), max_length=200)
    body = models.CharField(_("body"), max_length=200)
    action = models.SmallIntegerField(_("action upon click"), choices=Action.choices, default=Action.WEB_URL)
    uri = models.CharField(_("URL"), max_length=2048, blank=True)
    icon = models.JSONField(_("icon URLs by channel"), default=dict, blank=True)
    image = models.JSONField(_("large image URLs by channel"), default=dict, blank=True)
    # The names of its placeholders; null: whatever looks like a name (`pushcore.push.placeholders`).
    variables = models.JSONField(_("variables"), null=True, default=None, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="pushcore_template_unique")]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
