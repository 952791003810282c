"""Django's cache in Valkey, by the client that everything else uses it with."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from pushcore.storage import valkey


class _Client(RedisCacheClient):
    def get_client(self, key: Any = None, *, write: bool = False) -> valkey.ValkeyClient:
        return valkey.client()


class ValkeyCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
