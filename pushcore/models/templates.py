"""Message template: content with placeholders."""

from __future__ import annotations

from django.db import models

from pushcore.models.apps import Workspace


class Template(models.Model):
    """Content with placeholders (`#name#`) in title, body and URL, used by template, multiple and broadcast pushes."""

    class Style(models.IntegerChoices):
        DEFAULT = 0, "default (short text)"
        BIG_TEXT = 1, "big text"
        RICH = 2, "rich text"

    class Action(models.IntegerChoices):
        WEB_URL = 0, "open web URL"
        INTENT_ACTIVITY = 1, "open intent activity"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=200)
    silent = models.BooleanField("silent push", default=False)
    style = models.SmallIntegerField("display style", choices=Style.choices, default=Style.DEFAULT)
    title = models.CharField(max_length=200)
    body = models.CharField(max_length=200)
    action = models.SmallIntegerField("action upon click", choices=Action.choices, default=Action.WEB_URL)
    uri = models.CharField("URL", max_length=2048, blank=True)
    icon = models.JSONField("icon URLs by channel", default=dict, blank=True)
    image = models.JSONField("large image URLs by channel", default=dict, blank=True)
    # The names of its placeholders; null: whatever looks like a name (`pushcore.push.placeholders`).
    variables = models.JSONField(null=True, default=None, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="pushcore_template_unique")]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
