"""What a page of the console says, and which of its words are not translated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import psycopg2
from playwright.sync_api import Page

from pushcore.codes.results import ResultCode
from pushcore.codes.statuses import STATUSES

_VISIBLE = """
() => {
  const skipped = 'script, style, template, noscript, pre, code, textarea, .material-symbols-outlined';
  const isSeen = (element) => element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest(skipped) && isSeen(parent)) texts.push(walker.currentNode.data);
  }
  for (const name of ['placeholder', 'aria-label', 'title', 'alt'])
    for (const element of document.querySelectorAll(`[${name}]`))
      if (!element.closest(skipped) && isSeen(element)) texts.push(element.getAttribute(name));
  // Names of columns, where a row is a card.
  for (const element of document.querySelectorAll('[data-label]'))
    if (isSeen(element) && !['none', 'normal'].includes(getComputedStyle(element, '::before').content))
      texts.push(element.dataset.label);
  for (const element of document.querySelectorAll('input[type=submit], input[type=button]'))
    if (isSeen(element)) texts.push(element.value);
  return [document.title, ...texts].map((text) => text.trim()).filter((text) => text);
}
"""
_WORD = re.compile(r"[A-Za-z][A-Za-z]+")
# Addresses, placeholders, and what is no word: IDs and digests.
_NO_WORDS = re.compile(
    r"\b(?:https?|wss?|mqtts?)://\S+|#\w+#|\{.*\}|\S*\*{3,}|mps-device\.json|Registration_id|\b[\w-]*\d[\w-]*\b"
)
# Names, abbreviations and formats that are the same in both languages.
_SAME = """
AccessKey Ad Android API APNs app App Apple Bearer bundle console CSV Excel FCM Firebase GCM GET Google HarmonyOS
HONOR HTTP HTTPS Huawei HUAWEI ID IDs IMEI iOS iPhone IP JSON KB KiB Live MB MiB MiPush MQTT ms msgkey NULL OPPO
PEM POST PushBind QoS REST RPC RSA SDK SHA SMS SQL SSL TCP TLS token TOTP TTL UNIX URI URL URLs UTC UTF vivo
WebSocket Xiaomi XML AM PM HARMONYOS HMS WEBPUSH Token Activity ViewController Control Mac Command base CA secret pbkdf
AppID AppKey AppSecret MasterSecret Client Secret Ctrl Esc
RegId
ANDROID IOS MIUI WEBPUSH VAPID
Chrome Edge Firefox Linux macOS Opera Safari WeChat Windows iPad Key Team Bundle Webhook
"""
PROPER_NAMES = frozenset(_SAME.split())
# What the demo's data put on pages: by table, its columns of text.
_DATA = {
    "auth_user": ("username", "first_name", "last_name", "email"),
    "channels_vendor_vendoraccount": ("certificate_subject", "public_values", "base_url"),
    "channels_vendor_vendormessage": ("vendor_code", "vendor_id"),
    "sms_smsaccount": ("public_values", "base_url"),
    "console_auditentry": ("object_name", "username", "details"),
    "console_testdevice": ("name",),
    "pushcore_accesskey": ("access_key_id", "name"),
    "pushcore_app": ("app_id", "name"),
    "pushcore_audiencename": ("name",),
    "pushcore_binding": ("user_id",),
    "pushcore_device": (
        "ad_token",
        "manufacturer",
        "model",
        "os_version",
        "app_version",
        "third_token",
        "time_zone",
        "language",
        "country",
    ),
    "pushcore_filefault": ("reason", "record"),
    "pushcore_formerversion": ("description", "title", "body", "uri"),
    "pushcore_message": ("target", "msgkey", "override"),
    "pushcore_messagecategory": ("name", "third_channel_category"),
    "pushcore_occurrence": ("fault",),
    "pushcore_pushtask": ("name", "author", "content", "message_category"),
    "pushcore_receiptattempt": ("error",),
    "pushcore_schedule": ("name", "title", "body", "template_name", "author"),
    "pushcore_segment": ("name", "description", "condition", "saved_by"),
    "pushcore_template": ("name", "description", "title", "body", "uri", "image", "variables"),
    "pushcore_watermark": ("name",),
    "pushcore_workspace": ("workspace_id", "name", "callback_url", "time_zone", "client_key"),
}


def visible_texts(page: Page) -> list[str]:
    """Return the texts that can be seen, with what fields and pictures are called."""
    return list(page.evaluate(_VISIBLE))


def texts_of_the_data(database_url: str) -> list[str]:
    """Return the texts that lie in the database, and codes' names, which are English everywhere; longest first."""
    found: set[str] = {status.name for status in STATUSES.values()} | {result.name for result in ResultCode}
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            for table, columns in _DATA.items():
                for column in columns:
                    cursor.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
                    for (value,) in cursor.fetchall():
                        found.update(_leaves(value))
            # The log keeps details in English, with their names.
            cursor.execute("SELECT DISTINCT jsonb_object_keys(details) FROM console_auditentry")
            found.update(name for (name,) in cursor.fetchall())
    finally:
        connection.close()
    return sorted((text for text in found if _WORD.search(text)), key=len, reverse=True)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value).strip()


def untranslated(texts: Iterable[str], data: Iterable[str]) -> set[str]:
    """Return those of the texts that hold English words which are neither data nor proper names."""
    found = set()
    for text in texts:
        left = text
        for part in data:
            if part in left:
                left = re.sub(rf"(?<![A-Za-z]){re.escape(part)}(?![A-Za-z])", " ", left)
        left = _NO_WORDS.sub(" ", left)
        if set(_WORD.findall(left)) - PROPER_NAMES:
            found.add(text[:120])
    return found
