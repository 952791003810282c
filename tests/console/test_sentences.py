"""What the service says in English is told operators in their language: whatever is wrong with accounts and files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from channels_vendor.accounts import checking
from channels_vendor.base import probing, signing_keys
from channels_vendor.base import sentences as of_accounts
from channels_vendor.base.contract import CannotAuthorise
from channels_vendor.base.outcomes import SendOutcome, Verdict
from channels_vendor.base.service_accounts import read_service_account
from channels_vendor.models import VendorAccount
from channels_vendor.registry import VENDORS
from console.admins.vendor_accounts import problem_said
from console.locale.sentences import said
from pushcore.channels import Channel
from pushcore.file_push import sentences as of_lines
from pushcore.file_push.records import Lines, Reader
from pushcore.models import Workspace
from pushcore.security import endpoints

CHINESE = re.compile("[\u4e00-\u9fff]")
FORMATS = sorted(
    value
    for module in (of_accounts, of_lines)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
)


@pytest.mark.parametrize("sentence", FORMATS)
def test_each_sentence_is_found_again_with_its_values_and_said_in_chinese(sentence: str) -> None:
    values = re.findall(r"%\((\w+)\)s", sentence)
    english = sentence % {name: f"value-{number}" for number, name in enumerate(values)}
    with override("zh-hans"):
        chinese = said(english)
    assert CHINESE.search(chinese)
    assert all(f"value-{number}" in chinese for number in range(len(values)))
    with override("en"):
        assert said(english) == english


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> str:
    secret = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret).decode()


def faults_of_values() -> Iterator[str]:
    """Yield what the vendors say of values that are missing, and of values that are nonsense."""
    for vendor in VENDORS.values():
        for values in ({}, {entry.name: "nonsense" for entry in vendor.fields}):
            yield from checking.wrong_values(vendor, values).values()
        for entry in vendor.fields:
            yield from vendor.validate({entry.name: "{}"}).values()


def faults_of_keys() -> Iterator[str]:
    elliptic, other_curve = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    short = rsa.generate_private_key(65537, 1024)
    texts = ["", "-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", pem(elliptic, b"secret"), pem(short)]
    for read, more in ((signing_keys.p256_key, pem(other_curve)), (signing_keys.rsa_key, pem(elliptic))):
        for text in [*texts, more]:
            with pytest.raises(ValueError, match="this") as fault:
                read(text)
            yield str(fault.value)
    for text in ("no JSON", "{}", json.dumps({"project_id": 1})):
        with pytest.raises(CannotAuthorise) as refused:
            read_service_account(text, ("project_id",))
        yield str(refused.value)


def faults_of_lines() -> Iterator[str]:
    reader = Reader(1, {"title": "#name#", "content": "#name#", "url": ""}, 3)
    lines = [
        "one",
        "a" * 300,
        "a,b\0",
        'a,"b',
        "a,k1,name",
        "a,k2,other=1",
        "a,k3,name= ",
        "b,k4,name=n",
        "b,k4,name=n",
        ",k",
    ]
    data = "\n".join(lines).encode()
    yield from (fault.reason for fault in reader.read(Lines(0, len(data), 1, data)).faults)


def faults_of_addresses() -> Iterator[str]:
    for url in ("x", "ftp://a", "http://a", "https://u:p@a", "https://a#b", "https://a?b"):
        yield endpoints.problem(url, https_only=True, is_base=True)


def faults_of_a_probe() -> Iterator[str]:
    for verdict in (Verdict.MISCONFIGURED, Verdict.RETRY, Verdict.REJECTED):
        yield probing.describe_problem(
            SendOutcome(probing.probe_delivery(probing.TOKEN), verdict, 1, vendor_code="401"), ()
        )


SOURCES = [faults_of_values, faults_of_keys, faults_of_lines, faults_of_addresses, faults_of_a_probe]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_no_fault_is_told_in_english_to_a_chinese_operator(source: Callable[[], Iterator[str]]) -> None:
    found = [fault for fault in source() if fault]
    assert len(found) >= 3
    with override("zh-hans"):
        assert [fault for fault in found if not CHINESE.search(said(fault))] == []


def test_a_check_of_an_account_is_told_in_the_operators_language(superuser: Client, workspace: Workspace) -> None:
    row = VendorAccount.objects.create(
        workspace=workspace, channel=Channel.APNS, stopped_at=timezone.now(), stopped_reason=of_accounts.NO_JSON,
        certificate_expires_at=timezone.now(), base_url="http://plain.example",
    )  # fmt: skip
    with override("zh-hans"):
        told = [problem_said(row, problem) for problem in checking.problems(row)]
    assert len(told) > 2
    assert all(CHINESE.search(problem) for problem in told)
    page = reverse("admin:channels_vendor_vendoraccount_check_account", args=[row.pk])
    answer = superuser.post(page, follow=True, headers={"accept-language": "zh-CN"}).text
    assert "服务账号不是 JSON 文件" in answer
    assert "is needed" not in answer
