"""The vendors there are: each folder of this package that has a `vendor.py` with a `VENDOR` in it.

Nothing else names a vendor. Choices, labels, status codes, parameters of the API, queues, the console's forms, the
simulator and the demo derive from its description and its folder.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channels_vendor.base.contract import VendorDescription
from pushcore import channels
from pushcore.channels import Channel

if TYPE_CHECKING:
    from channels_vendor.simulator.simulated_vendor import SimulatedVendor

VENDORS: dict[Channel, VendorDescription] = {}
# By channel, the package that describes the vendor.
_packages: dict[Channel, str] = {}


def discover(package: str = "channels_vendor") -> None:
    """Register the vendors whose folders are in a package."""
    [directory] = import_module(package).__path__
    for folder in pkgutil.iter_modules([directory]):
        if folder.ispkg and (Path(directory) / folder.name / "vendor.py").is_file():
            register(f"{package}.{folder.name}")


def register(package: str) -> VendorDescription:
    """Register the vendor of one folder, given as its package. Returns its description."""
    vendor: VendorDescription = import_module(f"{package}.vendor").VENDOR
    channel = channels.register(vendor)
    VENDORS[channel], _packages[channel] = vendor, package
    return vendor


def unregister(channel: Channel) -> None:
    """Forget a vendor: for tests."""
    del VENDORS[channel], _packages[channel]
    channels.unregister(channel)


def queue_of(channel: Channel) -> str:
    """Return the Celery queue of a vendor."""
    return f"vendor_{channel.label}"


def queues() -> list[str]:
    """Return the queues of all vendors, which the vendors' worker serves."""
    return [queue_of(channel) for channel in VENDORS]


def simulated_vendors() -> list[type[SimulatedVendor]]:
    """Return all vendors' simulators (`SIMULATED` in the folder's `simulator.py`), as far as they have some."""
    return [kind for channel in VENDORS for kind in _simulator(channel, "SIMULATED", ())]


def demo_account(channel: Channel) -> dict[str, str] | None:
    """Return what an operator would enter for an account at the simulated vendor; None where it has no simulator."""
    values = _simulator(channel, "demo_account", None)
    return values() if values else None


def demo_token(channel: Channel, name: str) -> str:
    """Return the token of a device at the simulated vendor, by any name; the name itself where any text is one."""
    made = _simulator(channel, "demo_token", None)
    return str(made(name)) if made else name


def _simulator(channel: Channel, name: str, otherwise: object) -> Any:
    """Return what has a name in a vendor's `simulator.py`, loaded on demand: the service itself needs none."""
    module = f"{_packages[channel]}.simulator"
    return getattr(import_module(module), name, otherwise) if find_spec(module) else otherwise
