"""Django's cache in Valkey, by the client that everything else of the service uses."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from pushcore.storage import valkey


class _Client(RedisCacheClient):
    """Hands out the process's one client in place of a pool of its own."""

    def get_client(self, key: Any = None, *, write: bool = False) -> valkey.ValkeyClient:
        return valkey.client()


class ValkeyCache(RedisCache):
    """The cache backend that the settings name."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
