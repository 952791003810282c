"""The console's tables: memberships, simulated and test devices, drafts, the audit log and second factors."""

from __future__ import annotations

from binascii import unhexlify
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from pushcore.models import App, PushTask, Workspace
from pushcore.models.fields import CreationTimeField
from pushcore.models.pushes import NAMED_TARGETS, DeliveryType
from pushcore.security import crypto
from pushcore.storage import clock

TARGET_TYPES = [(kind.value, kind.label) for kind in DeliveryType if kind in NAMED_TARGETS]


class Membership(models.Model):
    """A user's role in an app. Superusers need none: they may do everything everywhere (`console.access.rights`)."""

    class Role(models.TextChoices):
        VIEWER = "viewer", _("viewer")
        ANALYST = "analyst", _("analyst")
        OPERATOR = "operator", _("operator")
        ADMINISTRATOR = "administrator", _("administrator")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("app"))
    role = models.CharField(
        _("role"),
        max_length=16,
        choices=Role.choices,
        default=Role.VIEWER,
        help_text=_(
            "Viewers read; analysts also export the usage analysis; operators also push; administrators also change "
            "the app, its workspaces, keys and members."
        ),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [models.UniqueConstraint(fields=["user", "app"], name="console_membership_unique")]
        ordering = ["app", "user"]

    def __str__(self) -> str:
        return f"{self.user}, {self.app}"


class SimulatedDevice(models.Model):
    """The device an operator simulates in a workspace: one each, so that trying things out does not fill the table."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    ad_token = models.CharField(_("Ad-token"), max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="console_simulated_unique")]

    def __str__(self) -> str:
        return self.ad_token


class SetupDismissal(models.Model):
    """Somebody hid the set-up of a workspace on the home page (`console.pages.home.setup`)."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.workspace_id)


class Draft(models.Model):
    """A message that a user began to write in a workspace, as it was typed (`console.pages.create.drafts`)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.UUIDField()
    kind = models.CharField(max_length=10, choices=PushTask.Kind.choices)
    typed = models.JSONField()
    saved_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="console_draft_unique")]

    # How long a draft is kept after it was saved.
    KEPT = timedelta(days=30)

    @classmethod
    def expired(cls) -> models.QuerySet[Draft]:
        """Return the drafts that are not kept any more."""
        return cls.objects.filter(saved_at__lte=clock.now() - cls.KEPT)

    def __str__(self) -> str:
        """Return what tells the draft apart for its author: its name, else its title or template."""
        given = (self.typed.get(name) for name in ("task_name", "title", "template", "file_name", "target"))
        return next((values[0] for values in given if values and values[0].strip()), gettext("Untitled"))


class TestDevice(models.Model):
    """A device or user of a workspace that operators push their drafts to before anybody else gets them."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="test_devices", verbose_name=_("workspace")
    )
    name = models.CharField(_("name"), max_length=60, help_text=_("Such as the phone's model and its owner."))
    delivery_type = models.SmallIntegerField(_("kind"), choices=TARGET_TYPES, default=DeliveryType.ANDROID)
    target = models.CharField(
        _("target ID"),
        max_length=512,
        help_text=_("The Ad-token, for iOS the APNs device token, for a user the user ID."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)

    class Meta:
        verbose_name = _("test device")
        verbose_name_plural = _("test devices")
        ordering = ["workspace", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "delivery_type", "target"],
                name="console_test_device_unique",
                violation_error_message=_("This is a test device of the workspace already."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """One thing somebody did. It has no foreign key constraints, so that it outlives the objects it names."""

    class Action(models.TextChoices):
        ADD = "add", _("add")
        CHANGE = "change", _("change")
        DELETE = "delete", _("delete")
        PUSH = "push", _("push")
        TEST = "test", _("test")
        EXPORT = "export", _("export")
        LOGIN = "login", _("login")
        LOGIN_FAILED = "login_failed", _("failed login")
        LOGOUT = "logout", _("logout")

    at = CreationTimeField(_("at"), db_index=True)
    user_id = models.BigIntegerField(_("user id"), null=True)
    username = models.CharField(_("user"), max_length=150, blank=True, help_text=_("The name at that time."))
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    app = models.ForeignKey(
        App, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, verbose_name=_("app")
    )
    object_type = models.CharField(_("object type"), max_length=100, blank=True)
    object_id = models.CharField(_("object ID"), max_length=64, blank=True)
    object_name = models.CharField(_("object"), max_length=200, blank=True)
    details = models.JSONField(_("details"), default=dict)
    # Of `console.access.audit_changes.FieldChange`.
    changes = models.JSONField(_("changes"), default=list)
    address = models.GenericIPAddressField(_("address"), null=True)
    request_id = models.CharField(_("request ID"), max_length=36, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["app", "-id"], name="console_audit_app"),
            models.Index(fields=["username", "-id"], name="console_audit_who"),
            models.Index(fields=["action", "-id"], name="console_audit_what"),
        ]

    def __str__(self) -> str:
        return f"{self.username or '-'}: {self.get_action_display()} {self.object_name}".strip()


class LoginSession(models.Model):
    """From where a user uses a session of Django's; it goes with the session (`console.access.login_sessions`)."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, help_text="The header User-Agent.")
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user} {self.started_at}"


class SecondFactor(ThrottlingMixin, Device):
    """A user's authenticator app. django-otp's own device keeps its key in plain text; here it is sealed."""

    key_sealed = models.TextField(editable=False)
    last_step = models.BigIntegerField(
        default=-1, editable=False, help_text=_("The newest time step whose code was used.")
    )
    recovery_hashes = models.JSONField(default=list, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="console_second_factor_unique")]

    @property
    def key(self) -> bytes:
        """The secret shared with the authenticator app, decrypted."""
        return unhexlify(crypto.decrypt(self.key_sealed))

    def get_throttle_factor(self) -> int:
        """Return the seconds to wait after the first wrong code; each further one doubles them."""
        return 1

    def verify_token(self, token: str) -> bool:
        """Check a code of the app or a recovery code, and save what follows from it.

        Each code serves once; a wrong one makes the next attempt wait. The caller holds the row's lock.

        Args:
            token: As entered; spaces and hyphens do not count.
        """
        allowed, _ = self.verify_is_allowed()
        given = token.replace(" ", "").replace("-", "").lower()
        if not allowed or not given:
            return False
        if self._takes_code(given) or self._takes_recovery_code(given):
            self.throttle_reset(commit=False)
            self.save()
            return True
        self.throttle_increment()
        return False

    def _takes_code(self, given: str) -> bool:
        totp = TOTP(self.key)
        if not (given.isascii() and given.isdigit() and len(given) == 6):
            return False
        if not totp.verify(int(given), tolerance=1, min_t=self.last_step + 1):
            return False
        self.last_step = totp.t()
        return True

    def _takes_recovery_code(self, given: str) -> bool:
        fingerprint = crypto.fingerprint_secret(given)
        if fingerprint not in self.recovery_hashes:
            return False
        self.recovery_hashes = [one for one in self.recovery_hashes if one != fingerprint]
        return True
