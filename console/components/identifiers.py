"""What an app ID or workspace ID may look like."""

from __future__ import annotations

from django.core.validators import RegexValidator

# They stand in signed requests, URLs, queue and topic names, and MQTT user names.
check_identifier = RegexValidator(r"\A[A-Za-z0-9_.-]+\Z", "Letters, digits, hyphen, underscore and dot only.")
