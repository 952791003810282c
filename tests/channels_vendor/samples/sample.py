"""What the contract suite needs to know of a vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels_vendor.base.contract import VendorDescription
from channels_vendor.simulator.simulated_vendor import SimulatedVendor


@dataclass(frozen=True)
class Sample:
    """A vendor's account, tokens and errors.

    Attributes:
        values: The fields of an account that the simulator accepts.
        token: Makes a device token from a number.
        gone: The vendor's error for a dead token, and the status it leads to.
        wrong: Replaces some of `values`, so that the vendor refuses the account.
        rows: Errors for a single token: the error -> the status, and the name of the verdict.
        whole: The same for errors that concern a whole call.
        auth_path: Path of the simulator's token endpoint.
        renews: Whether a refused credential can be renewed.
        batching: Whether one request carries several tokens.
        credential: One as the adapter's `prepare` takes it.
        plain: Returns a call's body as the vendor's service or the device reads it.
        variant: Tells the samples of one vendor apart.
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
    credential: str = "credential"
    plain: Callable[[bytes], bytes] = bytes
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.vendor.channel.label}{self.variant}"


def made_once(make: Callable[[], Any]) -> Callable[[], Any]:
    """Call `make` now, before any test; the function returned gives that value at each call."""
    made = make()
    return lambda: made
