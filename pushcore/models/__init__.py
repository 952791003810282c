"""The models of the domain, one file for each subject."""

from pushcore.models.ab_tests import AbTest
from pushcore.models.apps import App, Workspace
from pushcore.models.audience import (
    AudienceName,
    AudienceProfile,
    AudienceWalk,
    AudienceWave,
    OpenHours,
    Segment,
    UserAlias,
)
from pushcore.models.broadcasts import Broadcast, BroadcastCursor
from pushcore.models.categories import CapCount, ConsentRefusal, MessageCategory, QuietHours
from pushcore.models.devices import Binding, Device, TokenLoss
from pushcore.models.erasures import Erasure
from pushcore.models.files import FileChunk, FileFault, FileImport
from pushcore.models.inbox import InboxMark
from pushcore.models.keys import AccessKey, RsaKey
from pushcore.models.loads import TaskLoad
from pushcore.models.pushes import Message, MessageKey, PushTask
from pushcore.models.receipts import Receipt, ReceiptAttempt
from pushcore.models.revocations import Revocation
from pushcore.models.schedules import Occurrence, Schedule
from pushcore.models.templates import FormerVersion, Template, TemplateContent
from pushcore.models.watermarks import Watermark
from pushcore.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "AbTest",
    "AccessKey",
    "App",
    "AudienceName",
    "AudienceProfile",
    "AudienceWalk",
    "AudienceWave",
    "Binding",
    "Broadcast",
    "BroadcastCursor",
    "CapCount",
    "ConsentRefusal",
    "Device",
    "Erasure",
    "FileChunk",
    "FileFault",
    "FileImport",
    "FormerVersion",
    "InboxMark",
    "Message",
    "MessageCategory",
    "MessageKey",
    "Occurrence",
    "OpenHours",
    "PushTask",
    "QuietHours",
    "Receipt",
    "ReceiptAttempt",
    "Revocation",
    "RsaKey",
    "Schedule",
    "Segment",
    "TaskLoad",
    "Template",
    "TemplateContent",
    "TokenLoss",
    "UserAlias",
    "Watermark",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Workspace",
]
