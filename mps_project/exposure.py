"""What `make run` opens to other machines, where it listens on more than this one."""

from __future__ import annotations

from ipaddress import ip_address

from mps_project.environment import Environment


def is_exposed(address: str) -> bool:
    """Whether other machines reach what listens on the address (`MPS_BIND`)."""
    return address != "localhost" and not ip_address(address).is_loopback


def open_to_others(checked: Environment) -> list[str]:
    """What stands open then, a line each: for whoever started it to read."""
    port = checked.number
    lines = [
        f"console and APIs on port {port('MPS_HTTP_PORT')}, not encrypted: passwords and keys can be read on the way",
        f"/metrics and /readyz on port {port('MPS_HTTP_PORT')}, to anybody",
        f"devices on ports {port('MPS_MQTT_PORT')} and {port('MPS_WS_PORT')}, not encrypted",
    ]
    if "*" in checked.names("MPS_ALLOWED_HOSTS"):
        lines.append("any Host header is answered (MPS_ALLOWED_HOSTS)")
    if checked.switch("MPS_RECEIPT_ALLOW_PRIVATE"):
        lines.append("receipts are sent to addresses of your network too (MPS_RECEIPT_ALLOW_PRIVATE)")
    if checked.switch("MPS_VENDOR_ALLOW_PRIVATE"):
        lines.append("vendors are called at addresses of your network too (MPS_VENDOR_ALLOW_PRIVATE)")
    if checked.switch("MPS_DEBUG"):
        lines.append("Django's debug pages (MPS_DEBUG)")
    return lines
