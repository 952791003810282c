"""The vendors the contract suite runs for. A new one joins by one line in `SAMPLES`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.apns.vendor import VENDOR as APNS
from channels_vendor.base.contract import VendorDescription
from channels_vendor.fcm.simulator import SimulatedFcm, SimulatedLegacyFcm
from channels_vendor.fcm.vendor import VENDOR as FCM
from channels_vendor.harmonyos.simulator import SimulatedHarmonyos
from channels_vendor.harmonyos.vendor import VENDOR as HARMONYOS
from channels_vendor.honor.simulator import SimulatedHonor
from channels_vendor.honor.vendor import VENDOR as HONOR
from channels_vendor.huawei.simulator import SimulatedHuawei
from channels_vendor.huawei.vendor import VENDOR as HUAWEI
from channels_vendor.oppo.simulator import SimulatedOppo
from channels_vendor.oppo.vendor import VENDOR as OPPO
from channels_vendor.simulator.simulated_vendor import SimulatedVendor
from channels_vendor.vivo.simulator import SimulatedVivo
from channels_vendor.vivo.vendor import VENDOR as VIVO
from channels_vendor.xiaomi.simulator import SimulatedXiaomi
from channels_vendor.xiaomi.vendor import VENDOR as XIAOMI
from pushcore.security import crypto
from tests.channels_vendor import push_certificates


@dataclass(frozen=True)
class Sample:
    """A vendor as the suite needs it.

    `gone`: the vendor's error for a dead token, and the status a message gets from it. `values`: an account's fields.
    `wrong`: what to replace in them for an account the vendor refuses. `auth_path`: of the simulator's token endpoint.
    `rows`: the vendor's errors by token the simulator gives, with the status and the verdict's name each leads to;
    `whole`: likewise of errors that befall all of a call. `batching`: several tokens travel in one request.
    """

    vendor: VendorDescription
    simulated: type[SimulatedVendor]
    values: Callable[[], Mapping[str, str]]
    token: Callable[[int], str]
    gone: tuple[str, int]
    wrong: Callable[[], Mapping[str, str]]
    rows: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    whole: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    auth_path: str = ""
    renews: bool = True
    batching: bool = False
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.vendor.channel.label}{self.variant}"


def _kept(make: Callable[[], Any]) -> Callable[[], Any]:
    """The same at each call, made before any test: the keys that a test makes are others."""
    made = make()
    return lambda: made


def _service_account() -> dict[str, str]:
    """Another each time."""
    private, _ = crypto.new_rsa_key()
    return {
        "service_account": json.dumps(
            {
                "project_id": "shop-1",
                "client_email": "push@shop-1.iam.gserviceaccount.com",
                "private_key": private,
                "private_key_id": "k1",
            }
        )
    }


def _apns_key() -> dict[str, str]:
    """Another each time."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"p8": pem.decode(), "key_id": "ABCDE12345", "team_id": "TEAM123456", "bundle_id": "com.example.shop"}


@lru_cache
def apns_certificate() -> dict[str, str]:
    made = push_certificates.p12("Apple Push Services: shop", push_certificates.PRODUCTION)
    return {"p12": made, "p12_password": push_certificates.PASSWORD, "bundle_id": push_certificates.BUNDLE_ID}


_FCM = Sample(
    FCM,
    SimulatedFcm,
    _kept(_service_account),
    lambda number: f"fcm-token:{number}",
    gone=("UNREGISTERED", 90000003),
    wrong=_service_account,
    rows={
        "UNREGISTERED": (90000003, "GONE"),
        "INVALID_ARGUMENT:message.token": (90000002, "GONE"),
        "INVALID_ARGUMENT:message.android.ttl": (90000009, "REJECTED"),
        "INVALID_ARGUMENT:message.android.restricted_package_name": (90000004, "REJECTED"),
        "INVALID_ARGUMENT:message.data[0].key": (99999999, "REJECTED"),
        "INVALID_ARGUMENT:message.data.token": (99999999, "REJECTED"),
        "INVALID_ARGUMENT:message.data.ttl": (99999999, "REJECTED"),
        "INVALID_ARGUMENT:size": (90000007, "REJECTED"),
        "NOT_FOUND": (90000401, "MISCONFIGURED"),
        "APNS_AUTH_ERROR": (90000401, "REJECTED"),
        "RESOURCE_EXHAUSTED": (99999999, "RETRY"),
        "QUOTA_EXCEEDED:device": (99999999, "RETRY"),
        "SENDER_ID_MISMATCH": (90000401, "REJECTED"),
        "PERMISSION_DENIED": (90000401, "MISCONFIGURED"),
        "THIRD_PARTY_AUTH_ERROR": (90000401, "REJECTED"),
        "UNAUTHENTICATED": (90000401, "MISCONFIGURED"),
        "QUOTA_EXCEEDED": (99999999, "RETRY"),
        "INTERNAL": (90000011, "RETRY"),
        "UNAVAILABLE": (90000011, "RETRY"),
    },
    auth_path="/fcm-oauth/token",
)

_FCM_LEGACY = Sample(
    FCM,
    SimulatedLegacyFcm,
    lambda: {"server_key": "secret"},
    lambda number: f"fcm-token:{number}",
    gone=("NotRegistered", 90000003),
    wrong=lambda: {"server_key": "other"},
    rows={
        "NotRegistered": (90000003, "GONE"),
        "InvalidRegistration": (90000002, "GONE"),
        "InvalidPackageName": (90000004, "REJECTED"),
        "MismatchSenderId": (90000401, "REJECTED"),
        "MissingRegistration": (99999999, "REJECTED"),
        "InvalidParameters": (99999999, "REJECTED"),
        "InvalidDataKey": (99999999, "REJECTED"),
        "MessageTooBig": (90000007, "REJECTED"),
        "InvalidTtl": (90000009, "REJECTED"),
        "Unavailable": (90000011, "RETRY"),
        "InternalServerError": (90000011, "RETRY"),
        "DeviceMessageRateExceeded": (99999999, "RETRY"),
        "TopicsMessageRateExceeded": (99999999, "RETRY"),
        "SomethingNew": (99999999, "REJECTED"),
    },
    renews=False,
    batching=True,
    variant="-legacy",
)

_APNS = Sample(
    APNS,
    SimulatedApns,
    lru_cache(_apns_key),
    lambda number: f"a{number:063x}",
    gone=("Unregistered", 2011),
    wrong=lambda: {"p8": _apns_key()["p8"]},
    rows={
        "PayloadEmpty": (2001, "REJECTED"),
        "PayloadTooLarge": (2002, "REJECTED"),
        "BadTopic": (2003, "MISCONFIGURED"),
        "TopicDisallowed": (2004, "MISCONFIGURED"),
        "BadMessageId": (2005, "REJECTED"),
        "BadExpirationDate": (2006, "REJECTED"),
        "BadPriority": (2007, "REJECTED"),
        "MissingDeviceToken": (2008, "REJECTED"),
        "BadDeviceToken": (2009, "GONE"),
        "DeviceTokenNotForTopic": (2010, "REJECTED"),
        "Unregistered": (2011, "GONE"),
        "ExpiredToken": (2011, "GONE"),
        "DuplicateHeaders": (2012, "REJECTED"),
        "BadCertificateEnvironment": (2013, "MISCONFIGURED"),
        "BadCertificate": (2014, "MISCONFIGURED"),
        "Forbidden": (2015, "MISCONFIGURED"),
        "BadPath": (2016, "REJECTED"),
        "MethodNotAllowed": (2017, "REJECTED"),
        "TooManyRequests": (2018, "RETRY"),
        "IdleTimeout": (2019, "RETRY"),
        "Shutdown": (2020, "RETRY"),
        "InternalServerError": (2021, "RETRY"),
        "ServiceUnavailable": (2022, "RETRY"),
        "MissingTopic": (2023, "MISCONFIGURED"),
        "BadCollapseId": (99999999, "REJECTED"),
        "InvalidPushType": (99999999, "REJECTED"),
        "InvalidProviderToken": (99999999, "MISCONFIGURED"),
        "MissingProviderToken": (99999999, "MISCONFIGURED"),
        "UnrelatedKeyIdInToken": (99999999, "MISCONFIGURED"),
        "BadEnvironmentKeyIdInToken": (99999999, "MISCONFIGURED"),
        "ExpiredProviderToken": (99999999, "MISCONFIGURED"),
        "TooManyProviderTokenUpdates": (99999999, "RETRY"),
    },
)

_APNS_CERTIFICATE = replace(
    _APNS,
    values=apns_certificate,
    # Of the other environment.
    wrong=lambda: {"p12": push_certificates.p12("Apple Push Services: shop", push_certificates.SANDBOX)},
    renews=False,
    variant="-certificate",
)


def _new_huawei_service_account() -> str:
    """Another each time."""
    private, _ = crypto.new_rsa_key()
    return json.dumps(
        {"project_id": "p-1", "key_id": "k1", "private_key": private, "sub_account": "1010", "type": "service_account"}
    )


huawei_service_account = _kept(_new_huawei_service_account)

_HUAWEI = Sample(
    HUAWEI,
    SimulatedHuawei,
    lambda: {"app_id": "1001", "app_secret": "secret"},
    lambda number: f"hw-{number}",
    gone=("illegal", 80100002),
    wrong=lambda: {"app_secret": "other"},
    rows={"illegal": (80100002, "GONE")},
    whole={
        "80100001": (80100000, "REJECTED"),
        "80100002": (80100002, "REJECTED"),
        "80100003": (80100003, "REJECTED"),
        "80100004": (80100004, "REJECTED"),
        "80100013": (80100000, "REJECTED"),
        "80100016": (99999999, "REJECTED"),
        "80100017": (99999999, "RETRY"),
        "80100018": (99999999, "REJECTED"),
        "80200001": (99999999, "MISCONFIGURED"),
        "80200003": (99999999, "MISCONFIGURED"),
        "80200005": (99999999, "MISCONFIGURED"),
        "80300002": (80300002, "MISCONFIGURED"),
        "80300007": (80300007, "GONE"),
        "80300008": (80300008, "REJECTED"),
        "80300010": (80300007, "REJECTED"),
        "80300011": (99999999, "REJECTED"),
        "80300013": (99999999, "MISCONFIGURED"),
        "80600003": (81000001, "RETRY"),
        "81000001": (81000001, "RETRY"),
        "82000001": (99999999, "REJECTED"),
    },
    auth_path="/oauth2/v3/token",
    batching=True,
)

_HUAWEI_PROJECT = replace(
    _HUAWEI,
    values=lambda: {"app_id": "1001", "service_account": huawei_service_account()},
    wrong=lambda: {"service_account": _new_huawei_service_account()},
    variant="-service-account",
)

_HARMONYOS = Sample(
    HARMONYOS,
    SimulatedHarmonyos,
    lambda: {"service_account": huawei_service_account()},
    lambda number: f"ohos-{number}",
    gone=("tokenFormatError", 99999999),
    wrong=lambda: {"service_account": _new_huawei_service_account()},
    rows={
        "tokenFormatError": (99999999, "GONE"),
        "tokenPlatformNotSupport": (99999999, "GONE"),
        "noRight": (99999999, "REJECTED"),
        "noPushTypeRight": (99999999, "REJECTED"),
        "atomicUnableSendUnsubscribedMsg": (99999999, "REJECTED"),
        "countryNotSupport": (99999999, "REJECTED"),
        "disableSendHuaweiMsgBecauseOfPenalty": (99999999, "REJECTED"),
        "differentImgVerifyPolicy": (99999999, "REJECTED"),
        "appinfoError": (99999999, "REJECTED"),
        "noRightToSendThisLiveNotificationEvent": (99999999, "REJECTED"),
        "notSupportPlayVoice": (99999999, "REJECTED"),
    },
    whole={
        "noPushTypeRight": (99999999, "REJECTED"),
        "tokenFormatError": (99999999, "GONE"),
        "80100003": (99999999, "REJECTED"),
        "80100022": (99999999, "REJECTED"),
        **dict.fromkeys(
            ("80100001", "80100002", "80100004", "80100013", "80100016", "80100018", "80300008"),
            (99999999, "REJECTED"),
        ),
        **dict.fromkeys(("80300010", "80300011"), (99999999, "REJECTED")),
        **dict.fromkeys(("80200001", "80200003", "80300002", "80300013"), (99999999, "MISCONFIGURED")),
        "80100017": (99999999, "RETRY"),
        "80600003": (99999999, "RETRY"),
        "80200005": (99999999, "MISCONFIGURED"),
        "80300007": (99999999, "REJECTED"),
        "80300029": (99999999, "RETRY"),
        "80300030": (99999999, "REJECTED"),
        "80300036": (99999999, "MISCONFIGURED"),
        "80300037": (99999999, "MISCONFIGURED"),
        "81000001": (99999999, "RETRY"),
    },
    batching=True,
)

_XIAOMI = Sample(
    XIAOMI,
    SimulatedXiaomi,
    lambda: {"package_name": "com.example.shop", "app_secret": "secret"},
    lambda number: f"mi-{number}",
    gone=("bad", 20301),
    wrong=lambda: {"app_secret": "other"},
    rows={"bad": (20301, "GONE")},
    whole={
        **{str(code): (1001, "RETRY") for code in (10001, 20607, 1)},
        **{str(code): (code, "RETRY") for code in (10002, 10003, 10009, 22102, 10022, 10023, 10024, 10027)},
        **{str(code): (code, "MISCONFIGURED") for code in (10004, 10005, 10012, 10013, 10014, 10026, 21301, 22022)},
        **{str(code): (10026, "MISCONFIGURED") for code in (10031, 10033)},
        **{str(code): (code, "REJECTED") for code in (10008, 10017, 10018, 20301, 22100, 22101, 22103)},
        **{str(code): (99999999, "RETRY") for code in (10034, 200001, 65003)},
        **{str(code): (99999999, "MISCONFIGURED") for code in (10036, 21303, 26006, 27001)},
        "21302": (21301, "MISCONFIGURED"),
        "66108": (22022, "MISCONFIGURED"),
        "10029": (10029, "GONE"),
        "65009": (10018, "REJECTED"),
        "65011": (10008, "REJECTED"),
        "-1": (1001, "RETRY"),
        **{str(code): (10003, "RETRY") for code in (26003, 65029, 65030)},
        **{str(code): (99999999, "REJECTED") for code in (10016, 21305, 65014, 65015, 65037, 65038)},
        **{str(code): (code, "MISCONFIGURED") for code in (*range(22000, 22009), 22020, 22021)},
        "10038": (99999999, "MISCONFIGURED"),
        "65036": (99999999, "REJECTED"),
        "77777": (99999999, "REJECTED"),
    },
    renews=False,
    batching=True,
)

_OPPO = Sample(
    OPPO,
    SimulatedOppo,
    lambda: {"app_key": "key", "master_secret": "secret"},
    lambda number: f"CN_{number}",
    gone=("10000", 10000),
    wrong=lambda: {"master_secret": "other"},
    rows={
        "10000": (10000, "GONE"),
        "32": (2, "ACCEPTED"),
        "67": (99999999, "REJECTED"),
        "10042": (99999999, "REJECTED"),
    },
    whole={
        "!-1": (99999999, "RETRY"),
        "!-2": (99999999, "RETRY"),
        "!11": (11, "MISCONFIGURED"),
        "!13": (13, "RETRY"),
        "!14": (14, "MISCONFIGURED"),
        "!15": (15, "MISCONFIGURED"),
        "!16": (16, "MISCONFIGURED"),
        "!17": (17, "MISCONFIGURED"),
        "!18": (99999999, "REJECTED"),
        "!26": (99999999, "MISCONFIGURED"),
        "!27": (30, "MISCONFIGURED"),
        "!28": (28, "MISCONFIGURED"),
        "!29": (29, "MISCONFIGURED"),
        **{f"!{code}": (99999999, "REJECTED") for code in (12, 19, 20, 21, 22, 23, 24, 25, 31, 34, 41, 51, 59)},
        "!30": (30, "MISCONFIGURED"),
        "!32": (2, "ACCEPTED"),
        "!33": (13, "RETRY"),
        "!40": (99999999, "REJECTED"),
        "!55": (13, "RETRY"),
    },
    auth_path="/server/v1/auth",
    batching=True,
)

_VIVO = Sample(
    VIVO,
    SimulatedVivo,
    lambda: {"app_id": "10004", "app_key": "key", "app_secret": "secret"},
    lambda number: f"vivo-{number}",
    gone=("invalid:1", 10302),
    wrong=lambda: {"app_secret": "other"},
    rows={
        "invalid:1": (10302, "GONE"),
        **{f"invalid:{kind}": (10302, "REJECTED") for kind in (2, 3)},
        "invalid:4": (99999999, "REJECTED"),
        "10302": (10302, "GONE"),
        **{str(code): (code, "REJECTED") for code in (10050, 10055, 10056, 10058, 10066, 10067, 10101, 10103, 10104)},
        "10085": (10104, "REJECTED"),
        **{str(code): (99999999, "REJECTED") for code in (10096, 10097)},
        **{str(code): (code, "RETRY") for code in (10040, 10070, 10071, 10072, 10102)},
        "10073": (10070, "RETRY"),
        **{str(code): (99999999, "RETRY") for code in (10250, 10252, 10254)},
        **{str(code): (99999999, "MISCONFIGURED") for code in range(10200, 10208)},
        "10303": (2, "ACCEPTED"),
        "10110": (10110, "MISCONFIGURED"),
        "10094": (99999999, "MISCONFIGURED"),
        "10000": (10000, "MISCONFIGURED"),
        "12345": (99999999, "REJECTED"),
    },
    auth_path="/message/auth",
)

_HONOR = Sample(
    HONOR,
    SimulatedHonor,
    lambda: {"app_id": "9001", "client_id": "9001", "client_secret": "secret"},
    lambda number: f"honor-{number}",
    gone=("expireTokens", 99999999),
    wrong=lambda: {"client_secret": "other"},
    rows={"expireTokens": (99999999, "GONE"), "failTokens": (99999999, "REJECTED")},
    whole={
        "80100001": (99999999, "REJECTED"),
        "80100003": (99999999, "REJECTED"),
        "80100004": (99999999, "REJECTED"),
        "80200001": (99999999, "MISCONFIGURED"),
        "80200003": (99999999, "MISCONFIGURED"),
        "80300002": (99999999, "MISCONFIGURED"),
        "80300007": (99999999, "GONE"),
        "80300008": (99999999, "REJECTED"),
        "81000001": (99999999, "RETRY"),
    },
    auth_path="/auth/token",
    batching=True,
)

SAMPLES: list[Sample] = [
    _APNS,
    _APNS_CERTIFICATE,
    _FCM,
    _FCM_LEGACY,
    _HUAWEI,
    _HUAWEI_PROJECT,
    _HARMONYOS,
    _XIAOMI,
    _OPPO,
    _VIVO,
    _HONOR,
]  # fmt: skip
