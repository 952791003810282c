"""Django settings. Everything that differs between installations comes from `mps_project.configuration`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from psycopg2.extensions import parse_dsn

import console
import mps_project.celery  # noqa: F401 - whoever sets Django up has the application of its tasks
from console.theme import settings as theme
from mps_project.configuration import ConfigurationError, load
from mps_project.launcher.exposure import is_exposed
from mps_project.observability.logs import configure_logging

try:
    configuration = load()
except ConfigurationError as error:
    # One clear line and an exit code, whichever command imported the settings.
    sys.stderr.write(f"mps: {error}\n")
    raise SystemExit(2) from None

DATA_DIR = Path(configuration.data_dir)

SECRET_KEY = configuration.secret_key
FIELD_KEYS = configuration.field_keys
DEBUG = configuration.debug
ALLOWED_HOSTS = configuration.allowed_hosts
CSRF_TRUSTED_ORIGINS = configuration.csrf_trusted_origins

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_otp",
    "pushcore",
    "channels_vendor",
    "sms",
    "gateway",
    "analytics",
    "console",
]

MIDDLEWARE = [
    "mps_project.observability.probes.ProbesMiddleware",
    "mps_project.observability.request_id.RequestIdMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "pushcore.api.json_errors.JsonErrorsMiddleware",
    "mps_project.observability.metrics.MetricsMiddleware",
    "mps_project.web.forwarded_proto.ForwardedProtoMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "pushcore.api.rpc.middleware.RpcMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mps_project.web.head_check_middleware.HeadCheckMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "console.locale.middleware.ConsoleLocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "mps_project.urls"
WSGI_APPLICATION = "mps_project.wsgi.application"
ASGI_APPLICATION = "mps_project.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of the packages, some of which they take the place of.
        "DIRS": [Path(console.__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# As libpq reads the URL; what Django has no name for (sslmode, ...) goes to libpq as it is.
_dsn = parse_dsn(configuration.database_url)
DATABASES: dict[str, Any] = {
    "default": {
        "ENGINE": "pushcore.storage.db_backend",
        "NAME": _dsn.pop("dbname", ""),
        "USER": _dsn.pop("user", ""),
        "PASSWORD": _dsn.pop("password", ""),
        "HOST": _dsn.pop("host", ""),
        "PORT": _dsn.pop("port", ""),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5} | _dsn,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = configuration.redis_url
CACHES = {
    "default": {
        "BACKEND": "mps_project.web.cache.ValkeyCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "mps:cache",
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Failed logins of one name from one address. Counted in Valkey, where they expire.
AXES_HANDLER = "console.access.login.ThrottleHandler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# Whatever the names: one address that tries a password with many of them (`console.access.login`).
LOGIN_FAILURES_PER_ADDRESS = configuration.login_failures_per_address
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "console.access.login.request_address"
AXES_LOCKOUT_CALLABLE = "console.access.login.locked_out"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_ENGINE = "console.access.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Of trusted proxies alone: `mps_project.web.forwarded_proto` drops it from others, and marks cookies Secure.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = configuration.hsts_seconds
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Pages of other origins that are devices. Their credentials stand in a header of their own, not in cookies.
CORS_URLS_REGEX = r"^/device/v1/"
CORS_ALLOW_ALL_ORIGINS = "*" in configuration.device_origins
CORS_ALLOWED_ORIGINS = [origin for origin in configuration.device_origins if origin != "*"]
CORS_ALLOW_METHODS = ["POST"]
CORS_ALLOW_HEADERS = ["authorization", "content-type"]
CORS_EXPOSE_HEADERS = ["retry-after"]
WS_CHECK_ORIGIN = configuration.ws_check_origin

# Alpine, which django-unfold is written with, evaluates attributes of its templates ('unsafe-eval') and sets styles.
CONTENT_SECURITY_POLICY = {
    # JSON for devices.
    "EXCLUDE_URL_PREFIXES": ["/device/"],
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        # The device simulator is a device of the gateway.
        "connect-src": ["'self'", *(f"{scheme}://{configuration.public_host}:*" for scheme in ("ws", "wss"))],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [Path(console.__file__).parent / "locale"]
FORMAT_MODULE_PATH = ["console.locale"]

STATIC_URL = "/static/"
# Served by the web process itself, straight from the packages: no collectstatic, no folder to keep.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# The largest body any view reads; the two APIs answer a larger one with their own error.
DATA_UPLOAD_MAX_MEMORY_SIZE = configuration.max_body_bytes

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Message push service",
    "DESCRIPTION": (
        "The REST API of the service, whose bodies are signed, and the requests of devices. Every answer carries a "
        "result code."
    ),
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # Whose schemas are JSON Schema, as those of the device protocol are.
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "gateway.openapi.add_device_requests",
    ],
    # Assets come from the package, not from elsewhere.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that is away is waited for without end; one that hangs is given up after these times.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": "mps:celery:",
    "socket_keepalive": True,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "health_check_interval": 10,
}
CELERY_BEAT_SCHEDULER = "mps_project.beat:Scheduler"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# What takes processor time for long: in processes of their own, so that periodic work in threads goes on beside it.
CELERY_TASK_ROUTES = {
    "pushcore.load_messages": {"queue": "files"},
    "analytics.export": {"queue": "files"},
    "analytics.make_exports": {"queue": "files"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
MAX_CLOCK_OFFSET_SECONDS = configuration.max_clock_offset_seconds


def _periodic(task: str, every: timedelta) -> dict[str, Any]:
    """Return an entry of beat's schedule.

    Its messages expire, so that a worker that was away does not find many of the same; but by the clocks of two hosts,
    which may differ by twice what each may be off the database's.
    """
    expires = max(min(every.total_seconds(), 600.0), 2.0 * MAX_CLOCK_OFFSET_SECONDS + 5.0)
    return {"task": task, "schedule": every, "options": {"expires": expires}}


# Tasks that are asked for often and seldom have anything to do: what tells whether one has. The clock asks that with a
# query, which costs a tenth of sending the task and running it in a worker.
PERIODIC_WORK = {
    "pushcore.fire_schedules": "pushcore.schedules.firing.any_due",
    "pushcore.walk_broadcasts": "pushcore.broadcast.vendor_walk.any_unwalked",
    "pushcore.work_off_revocations": "pushcore.revocation.task_rows.any_unfinished",
    "pushcore.erase_users": "pushcore.privacy.erasure.any_unfinished",
    "pushcore.load_messages": "pushcore.loading.load.any_waiting",
    "pushcore.ask_pace_callbacks": "pushcore.loading.pace_callback.any_due",
    "pushcore.end_refused": "pushcore.categories.consent.any_refused",
    "pushcore.offer_after_quiet_hours": "pushcore.categories.quiet_hours.any_due",
    "channels_vendor.wake": "channels_vendor.dispatch.sender.any_due",
    "sms.send_due": "sms.dispatch.sender.any_due",
    "analytics.fold": "analytics.rollups.any_change",
}
# Every periodic task is safe to run twice.
CELERY_BEAT_SCHEDULE = {
    "sweep": _periodic("pushcore.sweep", timedelta(seconds=5)),
    "broadcasts": _periodic("pushcore.walk_broadcasts", timedelta(seconds=10)),
    "schedules": _periodic("pushcore.fire_schedules", timedelta(seconds=1)),
    "expiry": _periodic("pushcore.expire", timedelta(seconds=10)),
    "consent": _periodic("pushcore.end_refused", timedelta(seconds=10)),
    "quiet-hours": _periodic("pushcore.offer_after_quiet_hours", timedelta(seconds=10)),
    "revocations": _periodic("pushcore.work_off_revocations", timedelta(seconds=10)),
    "erasures": _periodic("pushcore.erase_users", timedelta(seconds=60)),
    "messages": _periodic("pushcore.load_messages", timedelta(seconds=1)),
    "pace-callbacks": _periodic("pushcore.ask_pace_callbacks", timedelta(seconds=1)),
    "partitions": _periodic("pushcore.maintain_partitions", timedelta(minutes=10)),
    "purge": _periodic("pushcore.purge", timedelta(hours=1)),
    "purge-devices": _periodic("pushcore.purge_devices", timedelta(hours=1)),
    "vendors": _periodic("channels_vendor.wake", timedelta(seconds=2)),
    "sms": _periodic("sms.send_due", timedelta(seconds=2)),
    "certificates": _periodic("channels_vendor.warn_of_expiry", timedelta(hours=12)),
    "make-exports": _periodic("analytics.make_exports", timedelta(minutes=5)),
    "fold-changes": _periodic("analytics.fold", timedelta(seconds=5)),
    "purge-audit": _periodic("console.purge", timedelta(hours=1)),
    "purge-events": _periodic("analytics.purge", timedelta(hours=1)),
}

MAX_BODY_BYTES = configuration.max_body_bytes
MAX_FILE_BYTES = configuration.max_file_bytes
# Where a body is a file; a larger body than MAX_BODY_BYTES is read nowhere else.
UPLOAD_PATHS = ["/api/v1/push/multiple/file", "/console/create/file/"]
WEB_THREADS = configuration.web_threads
WORKER_THREADS = configuration.worker_threads
WORKER_CONCURRENCY = configuration.worker_concurrency
VENDOR_THREADS = configuration.vendor_threads
HTTP_MAX_CONNECTIONS = configuration.http_max_connections
HTTP_MAX_CONNECTIONS_PER_ADDRESS = configuration.http_max_connections_per_address
HTTP_BODY_SECONDS = configuration.http_body_seconds
API_QUOTA_PER_DAY = configuration.api_quota_per_day
API_RATE_PER_SECOND = configuration.api_rate_per_second
MAX_EXPIRED_SECONDS = configuration.max_expired_seconds
MESSAGE_RETENTION_DAYS = configuration.message_retention_days
ANALYSIS_MINUTE_DAYS = configuration.analysis_minute_days
ANALYSIS_RETENTION_DAYS = configuration.analysis_retention_days
INBOX_DAYS = configuration.inbox_days
RECEIPT_RETENTION_DAYS = configuration.receipt_retention_days
DEVICE_FAILURES_PER_ADDRESS = configuration.device_failures_per_address
DEVICE_REGISTRATIONS_PER_ADDRESS = configuration.device_registrations_per_address
DEVICE_REGISTRATIONS_PER_WORKSPACE = configuration.device_registrations_per_workspace
DEVICE_RETENTION_DAYS = configuration.device_retention_days
AUDIT_RETENTION_DAYS = configuration.audit_retention_days
RECEIPT_ALLOW_PRIVATE = configuration.receipt_allow_private
VENDOR_ALLOW_PRIVATE = configuration.vendor_allow_private
SWEEP_AFTER_SECONDS = configuration.sweep_after_seconds
GATEWAY_PROCESSES = configuration.gateway_processes
GATEWAY_MAX_KEEP_ALIVE = configuration.gateway_max_keep_alive
MAX_CONNECTIONS = configuration.max_connections
MAX_CONNECTIONS_PER_ADDRESS = configuration.max_connections_per_address
MAX_CONNECTIONS_PER_APP = configuration.max_connections_per_app
MAX_CONNECTIONS_PER_WORKSPACE = configuration.max_connections_per_workspace
MAX_CONNECT_RATE_PER_ADDRESS = configuration.max_connect_rate_per_address
HTTP_PORT = configuration.http_port
WS_PORT = configuration.ws_port
MQTT_PORT = configuration.mqtt_port
MQTT_TLS_PORT = configuration.mqtt_tls_port
WS_TLS_PORT = configuration.ws_tls_port
TLS_CERT_FILE = configuration.tls_cert_file
TLS_KEY_FILE = configuration.tls_key_file
PROXY_PROTOCOL = configuration.proxy_protocol
PROXY_TRUSTED = configuration.proxy_trusted
TRUSTED_PROXIES = configuration.trusted_proxies
BIND = configuration.bind
DEMO_DATA = configuration.demo_data
# Nobody else gets in, not through a proxy either.
ONLY_THIS_MACHINE = not is_exposed(configuration.bind) and not configuration.trusted_proxies
PUBLIC_HOST = configuration.public_host
DEVICE_MQTT_URL = configuration.device_mqtt_url
DEVICE_WS_URL = configuration.device_ws_url
PUBLIC_URL = configuration.public_url.rstrip("/")

# The console (django-unfold): its theme stands in `console.theme.settings`.
UNFOLD = theme.UNFOLD

LOGGING_CONFIG = None
configure_logging(level=configuration.log_level, style=configuration.log_format)
