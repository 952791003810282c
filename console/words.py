"""Words of the other rooms, as the console shows them: their models' names, labels and choices, vendors' fields.

The other rooms speak English and know of no console. Here their words are marked for the console's catalog, and its
models' labels become lazy: read in the user's language on a page, in English everywhere else. A migration is not
needed: what a field was declared with stays as it is.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Field, Model
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from pushcore.codes.results import ResultCode, ResultError
from pushcore.models.fields import ChannelField

# Of apps, in breadcrumbs, and of the admin's own pages.
APPS = (
    _("Usage analysis"),
    _("Vendor channels"),
    _("Console"),
    _("Message push"),
    _("Expand row"),
    _("Apply Filters"),
    _("Light"),
    _("Dark"),
    _("System"),
    _("Select value"),
)
MODELS = (
    _("access key"),
    _("access keys"),
    _("ID"),
    _("AccessKey ID"),
    _("secret sealed"),
    _("app"),
    _("name"),
    _("What it is for."),
    _("enabled"),
    _("created at"),
    _("last used at"),
    _("apps"),
    _("app ID"),
    _("A disabled app's API calls and devices are refused."),
    _("audit entry"),
    _("audit entries"),
    _("at"),
    _("user id"),
    _("user"),
    _("The name at that time."),
    _("action"),
    _("add"),
    _("change"),
    _("delete"),
    _("push"),
    _("test"),
    _("export"),
    _("login"),
    _("failed login"),
    _("logout"),
    _("object type"),
    _("object ID"),
    _("object"),
    _("details"),
    _("address"),
    _("request ID"),
    _("binding"),
    _("bindings"),
    _("workspace"),
    _("device"),
    _("user ID"),
    _("bound at"),
    _("unbound at"),
    _("devices"),
    _("Ad-token"),
    _("secret hash"),
    _("installation ID"),
    _("registration hash"),
    _("lost token"),
    _("taken by"),
    _("pending cursor"),
    _("platform"),
    _("android"),
    _("ios"),
    _("harmonyos"),
    _("manufacturer"),
    _("model"),
    _("OS version"),
    _("app version"),
    _("third-party channel"),
    _("common"),
    _("apns"),
    _("xiaomi"),
    _("huawei"),
    _("fcm"),
    _("oppo"),
    _("vivo"),
    _("honor"),
    _("third-party token"),
    _("third reported at"),
    _("When that token was last reported."),
    _("Live Activity"),
    _("Null for a real device."),
    _("Live Activity by push token"),
    _("Live Activity by ID"),
    _("last seen at"),
    _("watermark"),
    _("watermarks"),
    _("position"),
    _("leased until"),
    _("message key"),
    _("message keys"),
    _("digest"),
    _("task id"),
    _("claimed at"),
    _("member"),
    _("members"),
    _("role"),
    _(
        "Viewers and analysts only look; operators also push; administrators also change the app, its wo"
        "rkspaces, keys and members."
    ),
    _("viewer"),
    _("analyst"),
    _("operator"),
    _("administrator"),
    _("message event"),
    _("message events"),
    _("message ID"),
    _("channel"),
    _("kind"),
    _("arrived"),
    _("opened"),
    _("ignored"),
    _("When it happened: the device's time, where that can be."),
    _("received at"),
    _("message"),
    _("messages"),
    _("task"),
    _("push type"),
    _("Android device"),
    _("iOS device"),
    _("HarmonyOS device"),
    _("target ID"),
    _("customer message ID"),
    _("status"),
    _("override"),
    _("What of the content is this message's own."),
    _("expiry time"),
    _("sent at"),
    _("Written to a connection that ended unacknowledged."),
    _("arrived at"),
    _("When it was known to be on the device."),
    _("modification time"),
    _("push task"),
    _("push tasks"),
    _("task ID"),
    _("simple push"),
    _("template push"),
    _("multiple push"),
    _("broadcast push"),
    _("revocation"),
    _("delivery type"),
    _("source"),
    _("API (RPC)"),
    _("API (REST)"),
    _("console"),
    _("author"),
    _("AccessKey ID or operator."),
    _("content"),
    _("What the device gets as bData, less what differs by message."),
    _("options"),
    _("What vendor channels need beyond the content."),
    _("fingerprint"),
    _("expire at"),
    _("message count"),
    _("last message ID"),
    _("success count"),
    _("arrival count"),
    _("last outcome at"),
    _("revoked at"),
    _("receipt"),
    _("vendor's receipt"),
    _("receipts"),
    _("body"),
    _("The JSON that is signed and posted, byte for byte."),
    _("state"),
    _("waiting to be sent"),
    _("delivered"),
    _("given up"),
    _("attempt count"),
    _("next attempt at"),
    _("finished at"),
    _("RSA key"),
    _("RSA keys"),
    _("purpose"),
    _("the backend signs REST calls with it; we hold the public half"),
    _("we sign receipts with it; the backend verifies with the public half"),
    _("public key"),
    _("private sealed"),
    _("active"),
    _("schedule"),
    _("schedules"),
    _("schedule ID"),
    _("strategy"),
    _("timed"),
    _("cyclic"),
    _("title"),
    _("template name"),
    _("request"),
    _("The push request, as it came."),
    _("template"),
    _("templates"),
    _("description"),
    _("silent push"),
    _("display style"),
    _("default (short text)"),
    _("big text"),
    _("rich text"),
    _("action upon click"),
    _("open web URL"),
    _("open intent activity"),
    _("URL"),
    _("icon URLs by channel"),
    _("large image URLs by channel"),
    _("vendor account"),
    _("vendor accounts"),
    _("vendor"),
    _("settings"),
    _("secrets sealed"),
    _("API address"),
    _("Empty: the vendor's own."),
    _("token address"),
    _("extra CA"),
    _("PEM; trusted beside the well-known ones."),
    _("targets a second"),
    _("0: the vendor's published figure."),
    _("receipt key"),
    _("stopped at"),
    _("stopped reason"),
    _("certificate subject"),
    _("certificate expires at"),
    _("updated at"),
    _("workspaces"),
    _("workspace ID"),
    _("client key"),
    _("What a new device registers with. Shipped in the app, so no secret."),
    _("day"),
    _("phone number sealed"),
    _("proven for"),
    _("The configuration that a token was last accepted with."),
    _("former client key"),
    _("former client key used at"),
    _("Good beside the present one, for apps that were built with it, until it is ended."),
    _("To the hour."),
    _("client bind"),
    _("Who may bind a user."),
    _("only the backend (PushBind)"),
    _("the client, with a bind token signed by the backend"),
    _("the client, unproven"),
    _("push API"),
    _("Off: the REST API answers code 3032."),
    _("replay protection"),
    _("variables"),
    _(
        "Require timestamp and nonce in every request of the REST API, so that each works once. Off: the plain form, "
        "in which whoever has seen a request can send it again at any time."
    ),
    _("callback"),
    _("callback URL"),
    _("time zone"),
    _("For days in reports and for schedules."),
)

VENDORS = (
    _("Environment"),
    _("Sandbox is for apps built by developers."),
    _("Bundle ID"),
    _("With a certificate: taken from it where empty."),
    _("Certificate (.p12)"),
    _("Certificate password"),
    _("Key (.p8)"),
    _("Instead of a certificate: the key's text."),
    _("Key ID"),
    _("Team ID"),
    _("Service account"),
    _("Server key (shut down by Google)"),
    _("Of the legacy API. Used only without a service account, with an address that still speaks it."),
    _("Google shut the legacy API down in 2024: a server key works only with another address that speaks it."),
    _("The JSON key file of a service account with the role Firebase Cloud Messaging API Admin."),
    _("Package name"),
    _("App ID"),
    _("App secret"),
    _("Instead of the app secret: the JSON key file of a service account."),
    _("Receipt user name"),
    _("As set up at Huawei for receipts; with the key, receipts are verified."),
    _("Receipt key"),
    _("The JSON key file of a service account."),
    _("Category"),
    _("Of messages that name none (IM, SUBSCRIPTION, EXPRESS, ...); empty: MARKETING."),
    _("Signature"),
    _("Channel ID"),
    _("Of messages that name none."),
    _("Length of texts"),
    _("How vivo counts a title (40) and a body (100). Older apps are held to the second."),
    _("by character"),
    _("Chinese as two"),
    _("Longest validity"),
    _("How long vivo keeps a message at most. Older apps are granted 7 days."),
    _("1 day"),
    _("7 days"),
    _("Validity under an hour"),
    _("What OPPO is asked for then: some apps are refused less than an hour."),
    _("an hour"),
    _("online only"),
    _("as it is"),
    _("Length of bodies"),
    _("What OPPO takes at most, in characters: its SDK says the first, its documents the second."),
    _("50, long text 128"),
    _("App key"),
    _("Master secret"),
    _("Client ID"),
    _("Client secret"),
    _("Apple APNs"),
    _("Google FCM"),
    _("Huawei Push"),
    _("Huawei HarmonyOS Push"),
    _("Xiaomi MiPush"),
    _("OPPO Push"),
    _("vivo Push"),
    _("HONOR Push"),
)


# What is wrong with a URL or a certificate that an operator enters.
ADDRESSES = (
    _("This is no URL."),
    _("Starts with http:// or https://."),
    _("Starts with https://: what is sent there is secret."),
    _("Has a user name or password, which everybody who sees the page would see."),
    _("Has a fragment (#...), which no server is ever sent."),
    _("Has a query (?...): a path is appended to it."),
    _("Has a parameter sign, which is where the signature goes."),
    _("This is no certificate in PEM form."),
)

# What the doors refuse with, of what an operator may run into.
REFUSALS = (
    _("file is empty"),
    _("unknown app ID or workspace"),
    _("push platform not supported"),
    _("deliveryType not supported"),
    _("userId is empty"),
    _("task name is empty"),
    _("illegal validity period"),
    _("target is empty"),
    _("template does not exist"),
    _("template parameters do not match the placeholders"),
    _("title or content is empty"),
    _("template is empty"),
    _("validity period too long"),
    _("illegal parameter"),
    _("too many targets (simple and template push: 10)"),
    _("broadcast works by device only"),
    _("more than 20 extension parameters"),
    _("template already exists"),
    _("template name is empty"),
    _("illegal template name"),
    _("illegal template content"),
    _("illegal template title"),
    _("illegal template description"),
    _("illegal template URI"),
    _("message body too long"),
    _("illegal extension parameter"),
    _("multiple push: more than 10 extension parameters inside one target"),
    _("message payload too long"),
    _("broadcast to logged-out users needs unBindPeriod"),
    _("illegal unBindPeriod"),
    _("self-built Android channel does not support broadcast to logged-out users"),
    _("illegal self-built channel token"),
    _("too many targets in one multiple push (400)"),
    _("too many templates"),
    _("invalid androidChannel"),
    _("invalid badge_add_num"),
    _("badge_add_num needs badge_class"),
    _("system error"),
)


def refusal(error: ResultError) -> str:
    """Why the service refused, with its code."""
    return gettext("{words} (code {code})").format(words=said(error.result, error.message), code=error.result.code)


def said(result: ResultCode, message: str = "") -> str:
    """A refusal in the user's language; what it adds to the code's meaning stays as the service says it."""
    return (message or result.meaning).replace(result.meaning, gettext(result.meaning), 1)


def translate_models() -> None:
    """Make lazy what the site's models, their fields and apps are called. Texts that are lazy are left alone."""
    for config in {model._meta.app_config for model in admin.site._registry}:
        if config is not None:
            words: Any = _lazy(config.verbose_name)
            config.verbose_name = words
    for model in admin.site._registry:
        _translate(model)


def _translate(model: type[Model]) -> None:
    # As Any: the stubs take these names for constants.
    options: Any = model._meta
    if isinstance(options.verbose_name, str):
        # Django's own plural is lazy too, but only adds an "s".
        options.verbose_name_plural = gettext_lazy(str(options.verbose_name_plural))
        options.verbose_name = gettext_lazy(options.verbose_name)
    for field in options.get_fields():
        if isinstance(field, Field):
            _translate_field(field)


def _translate_field(field: Any) -> None:
    field.verbose_name = _lazy(field.verbose_name)
    field.help_text = _lazy(field.help_text)
    if field.choices and not isinstance(field, ChannelField):
        field.choices = [(value, _lazy(words)) for value, words in field.choices]


def _lazy(words: str | Promise) -> str | Promise:
    return gettext_lazy(words) if isinstance(words, str) and words else words
