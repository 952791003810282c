"""Conformance suite of the device SDKs: scenarios against a live gateway, through a proxy that misbehaves."""
