"""Each provider's calls are those of the provider's own client, and its errors mean what the table says."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from alibabacloud_dysmsapi20170525 import models as alibaba_models
from alibabacloud_dysmsapi20170525.client import Client as AlibabaClient
from alibabacloud_tea_openapi.models import Config
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client as TwilioClient

from pushcore.models import Workspace
from pushcore.ports import SmsWish
from sms.base.answers import code_of
from sms.base.contract import OutgoingSms, SendResult, Verdict
from sms.dispatch import sender
from sms.models import SmsAccount
from sms.providers import PROVIDERS
from sms.providers.alibaba import errors as alibaba_errors
from sms.providers.generic import errors as generic_errors
from sms.providers.twilio import errors as twilio_errors
from sms.providers.twilio.provider import signature_of
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.sms.simulated import SECRET, SID, SimulatedProvider

NUMBER = "+8613800138000"
TEMPLATE = SmsWish(0, "Shop", "SMS_1", '{"code": "1234 & ~*"}')
# Of a message in 2026.
MESSAGE_ID = 456289270133424129


def sent(account: SmsAccount, wish: SmsWish, number: str = NUMBER, attempts: int = 0) -> SendResult:
    call = account.description.call(
        account.account(), OutgoingSms(MESSAGE_ID, attempts, number, wish, "Your code is 1234")
    )
    assert call is not None
    [answer] = sender.exchange(account, [call])
    return account.description.read(answer)


@pytest.fixture
def alibaba_sdk(server: SimulatorServer) -> AlibabaClient:
    host = urlsplit(server.url).netloc
    return AlibabaClient(
        Config(
            access_key_id="key-id", access_key_secret=SECRET, endpoint=host, protocol="HTTP", region_id="cn-hangzhou"
        )
    )


class _ToSimulator(TwilioHttpClient):  # type: ignore[misc]  # it has no types
    """Twilio's client, whose calls go to the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._url), *arguments, **options)


@pytest.mark.parametrize("provider_name", ["alibaba"], indirect=True)
def test_alibaba_clouds_client_and_ours_make_the_same_call(
    account: SmsAccount, provider: SimulatedProvider, alibaba_sdk: AlibabaClient
) -> None:
    result = sent(account, TEMPLATE)
    assert (result.verdict, result.provider_id) == (Verdict.ACCEPTED, "biz^1")
    theirs = alibaba_sdk.send_sms(
        alibaba_models.SendSmsRequest(
            out_id=str(MESSAGE_ID),
            phone_numbers="8613800138000",
            sign_name="Shop",
            template_code="SMS_1",
            template_param=TEMPLATE.template_param,
        )
    )
    assert theirs.body.code == "OK"
    ours, published = (dict(parse_qsl(urlsplit(one.path).query)) for one in provider.ledger.requests)
    assert ours == published
    ours, published = (
        {name: one.headers[name] for name in ("x-acs-action", "x-acs-version", "x-acs-content-sha256")}
        for one in provider.ledger.requests
    )
    assert ours == published


@pytest.mark.parametrize("provider_name", ["twilio"], indirect=True)
@pytest.mark.parametrize("template", ["", "HX" + "1" * 32])
def test_twilios_client_and_ours_make_the_same_call(
    account: SmsAccount, provider: SimulatedProvider, server: SimulatorServer, template: str
) -> None:
    wish = SmsWish(0, template_code=template, template_param='{"1": "1234"}' if template else "")
    result = sent(account, wish)
    assert (result.verdict, result.segments, result.currency) == (Verdict.ACCEPTED, 2, "USD")
    client = TwilioClient(SID, SECRET, http_client=_ToSimulator(server.url))
    content = (
        {"content_sid": template, "content_variables": wish.template_param}
        if template
        else {"body": "Your code is 1234"}
    )
    theirs = client.messages.create(to=NUMBER, from_="+15005550006", **content)
    assert theirs.status == "queued"
    ours, published = (one.form for one in provider.ledger.requests)
    assert ours == published


def test_twilios_own_validator_makes_our_signature() -> None:
    url, form = "https://push.example.com/sms/receipts/K?message=7", {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert RequestValidator(SECRET).compute_signature(url, form) == signature_of(url, form, SECRET)


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
def test_another_service_gets_the_body_as_the_operator_wrote_it(
    account: SmsAccount, provider: SimulatedProvider
) -> None:
    account.public_values |= {"body": '{"to": "#phone#", "text": "#text# \\"#sign#\\" #param#"}'}
    result = sent(account, SmsWish(0, 'a"b\\', template_param='{"x": "1"}'))
    assert (result.verdict, str(result.price), result.currency) == (Verdict.ACCEPTED, "0.05", "EUR")
    assert provider.texts == ['Your code is 1234 "a"b\\" {"x": "1"}']


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
def test_a_service_that_knows_repeats_gets_the_same_key_again(account: SmsAccount, provider: SimulatedProvider) -> None:
    for attempts in range(2):
        sent(account, SmsWish(0), attempts=attempts)
    assert provider.sent.total() == 1


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
def test_private_addresses_are_not_called_unless_allowed(
    account: SmsAccount, provider: SimulatedProvider, settings: Any
) -> None:
    settings.VENDOR_ALLOW_PRIVATE = False
    assert sent(account, SmsWish(0)).verdict is Verdict.RETRY
    SmsAccount.objects.update(base_url=account.base_url.replace("http:", "https:"))
    account.refresh_from_db()
    assert sent(account, SmsWish(0)).verdict is Verdict.RETRY
    assert not provider.ledger.requests


@pytest.mark.parametrize("provider_name", ["alibaba"], indirect=True)
@pytest.mark.parametrize(("code", "verdict"), alibaba_errors.VERDICTS.items())
def test_each_error_of_alibaba_cloud_has_its_verdict(
    account: SmsAccount, provider: SimulatedProvider, code: str, verdict: Verdict
) -> None:
    provider.script.tokens["8613800138000"] = code
    assert sent(account, TEMPLATE).verdict is verdict
    provider.script.tokens["8613800138000"] = "isv.MOBILE_NUMBER_ILLEGAL"
    assert sent(account, TEMPLATE, attempts=1) == SendResult(Verdict.REFUSED, code="isv.MOBILE_NUMBER_ILLEGAL")


@pytest.mark.parametrize("provider_name", ["twilio"], indirect=True)
@pytest.mark.parametrize(("code", "verdict"), twilio_errors.VERDICTS.items())
def test_each_error_of_twilio_has_its_verdict(
    account: SmsAccount, provider: SimulatedProvider, code: int, verdict: Verdict
) -> None:
    provider.script.replies = [provider.internal_error().__class__(400, b'{"code": %d}' % code)]
    assert sent(account, SmsWish(0)) == SendResult(verdict, code=str(code))
    provider.script.replies = [provider.internal_error()]
    assert sent(account, SmsWish(0)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("provider_name", ["http"], indirect=True)
@pytest.mark.parametrize(
    ("status", "verdict"),
    [*generic_errors.VERDICTS.items(), (400, Verdict.REFUSED), (500, Verdict.UNKNOWN), (503, Verdict.UNKNOWN)],
)
def test_each_status_of_another_service_has_its_verdict(
    account: SmsAccount, provider: SimulatedProvider, status: int, verdict: Verdict
) -> None:
    provider.script.replies = [provider.internal_error().__class__(status, b"{}")]
    assert sent(account, SmsWish(0)).verdict is verdict


@pytest.mark.parametrize("provider_name", ["twilio"], indirect=True)
def test_a_number_without_a_country_gets_none_where_none_is_known(account: SmsAccount) -> None:
    account.public_values = account.public_values | {"country_code": ""}
    sms = OutgoingSms(MESSAGE_ID, 0, "13800138000", SmsWish(0), "text")
    assert account.description.call(account.account(), sms) is None


def test_no_code_can_hold_a_sentence_or_a_phone_number() -> None:
    assert code_of("isv.LIMIT:1") == "isv.LIMIT:1"
    assert code_of("+8613800138000 is wrong") == "___is_wrong"
    assert code_of(None) == ""


@pytest.mark.parametrize(
    ("name", "values", "wrong"),
    [
        ("twilio", {"account_sid": "x", "sender": "+1", "country_code": "086"}, {"account_sid", "country_code"}),
        ("twilio", {"account_sid": SID, "sender": "?"}, {"sender"}),
        ("http", {"body": "{}"}, {"body"}),
        ("http", {"body": '{"to": #phone#}'}, {"body"}),
        ("http", {"body": '"#phone#"', "headers": "no header"}, {"headers"}),
        ("http", {"body": "to=#phone#", "content_type": "application/x-www-form-urlencoded"}, set()),
    ],
)
def test_values_that_cannot_work_are_named(name: str, values: dict[str, str], wrong: set[str]) -> None:
    assert set(PROVIDERS[name].validate(values)) == wrong


def test_the_simulator_is_asked_by_clients_only(server: SimulatorServer, workspace: Workspace) -> None:
    assert requests.get(server.url, timeout=5).status_code == 404
