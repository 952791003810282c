"""Provider tokens of APNs: one for a key, whoever signs it, and a new one every 40 minutes."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from channels_vendor.apns.provider_token import SLOT_SECONDS, provider_token
from channels_vendor.apns.simulator import SimulatedApns
from channels_vendor.base.contract import Adapter, CannotAuthorise
from channels_vendor.base.credentials import SharedCredential
from pushcore.storage.valkey import client
from tests.channels_vendor.conftest import deliveries
from tests.channels_vendor.samples import SAMPLES, Sample

_APNS = next(sample for sample in SAMPLES if sample.name == "apns")
_KEY = (_APNS.values()["p8"], "ABCDE12345", "TEAM123456")
_SLOT = 1_800_000_000 // SLOT_SECONDS * SLOT_SECONDS


def signed(now: float, *, fresh: bool = False) -> str:
    return provider_token(*_KEY, clock=lambda: now, fresh=fresh)[0]


def test_a_token_is_the_same_for_forty_minutes_and_then_another() -> None:
    assert signed(_SLOT) == signed(_SLOT + 1.5) == signed(_SLOT + SLOT_SECONDS - 1)
    assert signed(_SLOT) != signed(_SLOT + SLOT_SECONDS)


def test_a_token_verifies_with_the_keys_public_half() -> None:
    key = serialization.load_pem_private_key(_KEY[0].encode(), None)
    public = key.public_key()
    token = signed(_SLOT + 7)
    assert jwt.decode(token, public, algorithms=["ES256"], options={"verify_iat": False}) == {  # type: ignore[arg-type]
        "iss": "TEAM123456",
        "iat": _SLOT,
    }
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": "ABCDE12345"}


@pytest.mark.parametrize("elapsed", [0, 1_000, SLOT_SECONDS - 200])
def test_a_token_is_kept_until_its_forty_minutes_end(elapsed: int) -> None:
    now = [float(_SLOT + elapsed)]
    tokens = SharedCredential("kept", clock=lambda: now[0])

    def fetch() -> tuple[str, float]:
        return provider_token(*_KEY, clock=lambda: now[0])

    first = tokens.get(fetch)
    now[0] = _SLOT + SLOT_SECONDS - 1
    assert tokens.get(fetch) == first
    now[0] = _SLOT + SLOT_SECONDS
    assert tokens.get(fetch) != first


@pytest.mark.parametrize("sample", [_APNS], ids=["apns"], indirect=True)
def test_accounts_that_share_a_key_have_one_token_even_after_valkey_was_flushed(
    open_adapter: Callable[..., Adapter], simulated: SimulatedApns, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not at the end of a slot.
    middle = time.time() // SLOT_SECONDS * SLOT_SECONDS + SLOT_SECONDS / 2
    monkeypatch.setattr(provider_token, "__kwdefaults__", {"clock": lambda: middle, "fresh": False})
    for account in ("of one workspace", "of another", "of another"):
        adapter = open_adapter(tokens=SharedCredential(account))
        [outcome] = adapter.send(deliveries(sample, 1))
        assert outcome.verdict.name == "ACCEPTED"
        client().flushdb()
    assert len({request.headers["authorization"] for request in simulated.ledger.requests}) == 1


def test_a_refused_token_is_replaced_by_one_issued_now() -> None:
    now = _SLOT + 2_000
    token = signed(now, fresh=True)
    assert token != signed(now)
    assert jwt.decode(token, options={"verify_signature": False})["iat"] == now


@pytest.mark.parametrize("key", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"])
def test_a_key_that_cannot_sign_is_reported(key: str) -> None:
    with pytest.raises(CannotAuthorise, match="cannot sign"):
        provider_token(key, "k", "t")
