"""What may be wrong with a vendor account: sentences in English, marked for translation.

They are kept and logged in English; the console says them in the operator's language
(`console.locale.sentences`), which finds the values again by these formats.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

IS_NEEDED: Final = _("is needed")
NO_SUCH_CHANNEL: Final = _("this version has no such channel")
SWITCHED_OFF: Final = _("switched off")
STOPPED: Final = _("stopped at %(at)s: %(reason)s")
STOPPED_AFTER: Final = _("stopped at %(at)s: %(count)s tokens refused one after the other: %(reason)s")
EXPIRES: Final = _("the certificate expires on %(day)s")
EXPIRED: Final = _("the certificate expired on %(day)s")
IS_FOR: Final = _("the certificate is for %(what)s")
NO_REPORTS: Final = _(
    "no delivery reports: their address has %(length)s characters with this MPS_PUBLIC_URL, %(vendor)s takes %(most)s"
)
NEEDED_WITH_KEY: Final = _("needed with a key (.p8)")
CERTIFICATE_OR_KEY: Final = _("a certificate (.p12) or a key (.p8) is needed")
APPLE_ID: Final = _("ten capital letters and digits, as Apple's developer account shows it")
NOT_BASE64: Final = _("the certificate file is not in base64")
NO_P12: Final = _("the file is not a .p12 file, or the password does not open it")
NOT_SUPPORTED: Final = _("the file uses what is not supported: %(reason)s")
NO_KEY_IN_FILE: Final = _("the file lacks the certificate or its private key")
DEVELOPERS_CERTIFICATE: Final = _(
    "%(name)s is a developer's signing certificate; only Apple Push Services certificates are supported"
)
NO_PUSH_CERTIFICATE: Final = _("%(name)s is no push certificate; only Apple Push Services certificates are supported")
NO_BUNDLE_ID: Final = _("the certificate names no bundle ID")
CERTIFICATE_GIVEN: Final = _("this is a certificate; the private key is needed")
PUBLIC_KEY_GIVEN: Final = _("this is a public key; the private one is needed")
AN_RSA_KEY: Final = _("an RSA key")
AN_ELLIPTIC_KEY: Final = _("an elliptic curve key")
ANOTHER_KEY: Final = _("a key of another kind")
PROTECTED_KEY: Final = _("this key is protected by a password; one without is needed")
UNKNOWN_KEY: Final = _("this key is of a kind that is not supported")
NO_KEY: Final = _("this is no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
NOT_ELLIPTIC: Final = _("this is %(kind)s; an elliptic curve key (P-256) is needed")
OTHER_CURVE: Final = _("this key is of the curve %(curve)s; one of P-256 is needed")
NOT_RSA: Final = _("this is %(kind)s; an RSA key is needed")
SHORT_KEY: Final = _("this key has %(bits)s bits; %(least)s or more are needed")
ITS_PRIVATE_KEY: Final = _("its private key: %(reason)s")
ACCOUNTS_PRIVATE_KEY: Final = _("the service account's private key: %(reason)s")
NO_VAPID_KEY: Final = _("this is no VAPID private key: 32 bytes in base64url, as web push libraries print it")
CONTACT: Final = _("an address that begins with mailto: or https:// is needed")
CANNOT_SIGN: Final = _("the key (.p8) cannot sign: %(reason)s")
NO_JSON: Final = _("the service account is not a JSON file")
LACKS: Final = _("the service account lacks %(members)s")
SECRET_OR_ACCOUNT: Final = _("the client secret or a service account is needed")
TOGETHER: Final = _("user name and key come together")
APP_ID_IS_A_NUMBER: Final = _("the AppID is a number")
FETCHED_TOO_LONG: Final = _("another process has been fetching the credential for too long")
NO_ACCESS_TOKEN: Final = _("no access token: %(reason)s")
NO_AUTH_TOKEN: Final = _("no auth token: %(reason)s")
REFUSES_ACCOUNT: Final = _("the vendor refuses the account: %(code)s")
CANNOT_BE_ASKED: Final = _("the vendor cannot be asked now: %(code)s")
REFUSES_TO_SEND: Final = _("the vendor refuses to send: %(code)s")
