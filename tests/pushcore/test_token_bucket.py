"""Rate limits shared by all processes."""

from __future__ import annotations

from pushcore.storage.token_bucket import TokenBucket, take_from_each
from pushcore.storage.valkey import client

SLOW = 0.001  # tokens a second: none comes back while a test runs


def test_a_bucket_grants_what_it_holds_and_no_more() -> None:
    bucket = TokenBucket("mps:test:bucket", SLOW, 5)
    assert [bucket.take(3), bucket.take(3), bucket.take(3)] == [3, 2, 0]


def test_unused_tokens_are_granted_again() -> None:
    bucket = TokenBucket("mps:test:bucket", SLOW, 5)
    bucket.take(5)
    bucket.give_back(2)
    assert bucket.take(5) == 2


def test_a_bucket_never_holds_more_than_its_size() -> None:
    bucket = TokenBucket("mps:test:bucket", SLOW, 5)
    bucket.take(1)
    bucket.give_back(100)
    assert bucket.take(100) == 5


def test_returning_tokens_to_an_expired_bucket_leaves_it_full() -> None:
    bucket = TokenBucket("mps:test:bucket", SLOW, 5)
    bucket.give_back(2)
    assert not client().exists(bucket.key)
    assert bucket.take(5) == 5


def test_a_bucket_refills_at_its_rate_by_the_clock_of_valkey() -> None:
    bucket = TokenBucket("mps:test:bucket", 10, 100)
    bucket.take(100)
    client().hincrbyfloat(bucket.key, "at", -5)  # as if it had been taken from 5 s ago
    assert 50 <= bucket.take(100) <= 100


def test_a_bucket_that_nobody_uses_expires_once_it_is_full() -> None:
    bucket = TokenBucket("mps:test:bucket", 2, 100)
    bucket.take(100)
    assert 50 <= client().ttl(bucket.key) <= 51


def test_several_buckets_are_answered_in_one_call_and_in_order() -> None:
    small, large = TokenBucket("mps:test:small", SLOW, 1), TokenBucket("mps:test:large", SLOW, 9)
    assert take_from_each([(small, 4), (large, 4)]) == [1, 4]
    assert take_from_each([(large, 9), (small, 1)]) == [5, 0]
