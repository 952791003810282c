"""Memberships: which operator may do what in which app; and the devices operators simulate; and what everybody did."""

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


class AuditEntry(models.Model):
    """One thing somebody did. Refers to nothing by constraint, so that it outlives what it speaks of."""

    class Action(models.TextChoices):
        ADD = "add", "add"
        CHANGE = "change", "change"
        DELETE = "delete", "delete"
        PUSH = "push", "push"
        EXPORT = "export", "export"
        LOGIN = "login", "login"
        LOGIN_FAILED = "login_failed", "failed login"
        LOGOUT = "logout", "logout"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user_id = models.BigIntegerField(null=True)
    username = models.CharField("user", max_length=150, blank=True, help_text="The name at that time.")
    action = models.CharField(max_length=16, choices=Action.choices)
    app = models.ForeignKey(App, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    object_type = models.CharField(max_length=100, blank=True)
    object_id = models.CharField("object ID", max_length=64, blank=True)
    object_name = models.CharField("object", max_length=200, blank=True)
    details = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField("request ID", max_length=36, blank=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["app", "-id"], name="console_audit_app"),
            models.Index(fields=["username", "-id"], name="console_audit_who"),
            models.Index(fields=["action", "-id"], name="console_audit_what"),
        ]

    def __str__(self) -> str:
        return f"{self.username or '-'}: {self.action} {self.object_name}".strip()
