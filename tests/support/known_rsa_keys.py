"""A pytest plugin that reuses RSA keys from test to test, since generating one takes 50 ms.

It is a plugin because pytest does not call hooks of `tests/conftest.py` for fixtures of the whole session.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

_generate_private_key = rsa.generate_private_key
# By public exponent and size in bits.
_RSA_KEYS: defaultdict[tuple[int, int], list[rsa.RSAPrivateKey]] = defaultdict(list)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Generate new RSA keys for fixtures that outlive a test."""
    if fixturedef.scope == "function":
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", _generate_private_key)
        return (yield)


@pytest.fixture(autouse=True)
def _known_rsa_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test the keys that earlier tests generated; within a test all differ."""
    taken: Counter[tuple[int, int]] = Counter()

    def generate(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        kind = public_exponent, key_size
        made = _RSA_KEYS[kind]
        if taken[kind] == len(made):
            made.append(_generate_private_key(*kind))
        taken[kind] += 1
        return made[taken[kind] - 1]

    monkeypatch.setattr(rsa, "generate_private_key", generate)
