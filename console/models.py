"""Memberships: which operator may do what in which app; and the devices operators simulate."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from pushcore.models import App, Workspace


class Membership(models.Model):
    """A user's role in an app. Superusers need none: they may do everything everywhere (`console.access`)."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "viewer"
        ANALYST = "analyst", "analyst"
        OPERATOR = "operator", "operator"
        ADMINISTRATOR = "administrator", "administrator"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=16,
        choices=Role.choices,
        default=Role.VIEWER,
        help_text="Viewers and analysts only look; operators also push; administrators also change the app, its "
        "workspaces, keys and members.",
    )
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        verbose_name = "member"
        constraints = [models.UniqueConstraint(fields=["user", "app"], name="console_membership_unique")]
        ordering = ["app", "user"]

    def __str__(self) -> str:
        return f"{self.user} in {self.app}"


class SimulatedDevice(models.Model):
    """The device an operator plays in a workspace: one each, so that trying things out fills no table."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    ad_token = models.CharField("Ad-token", max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="console_simulated_unique")]

    def __str__(self) -> str:
        return self.ad_token
