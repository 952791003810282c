"""Broadcasts: whom they are for, their rows, what gateways are given of them, the walk over vendors' devices."""
