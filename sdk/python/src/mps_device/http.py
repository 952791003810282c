"""The service over HTTP, for what must also work without a connection."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request

from mps_device.config import Config
from mps_device.errors import NotRunningError, RefusedError
from mps_device.store import Identity

_SECONDS = 15


def unregister(config: Config, identity: Identity) -> None:
    """End the device. Succeeds too where the service does not know it any more.

    Raises:
        NotRunningError: No HTTP endpoint is configured, or it cannot be reached.
        RefusedError: The service refused.
    """
    if not config.http_endpoint.startswith(("http://", "https://")):
        raise NotRunningError("there is no connection, and no httpEndpoint is configured")
    credentials = base64.b64encode(f"{identity.ad_token}:{identity.secret}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310  # the scheme is checked above
        f"{config.http_endpoint.rstrip('/')}/device/v1/unregister",
        data=b"{}",
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=config.ca_file or None)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS, context=context) as response:  # noqa: S310
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 401:
            raise NotRunningError(f"the service answered with status {error.code}") from error
        return
    except (OSError, ValueError) as error:
        raise NotRunningError(f"the service cannot be reached: {error}") from error
    if not answer.get("success"):
        raise RefusedError(int(answer.get("code", 0)), str(answer.get("name")), str(answer.get("message")))
