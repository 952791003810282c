#!/usr/bin/env python
"""The command `mps` of a checkout, under the name Django's users know."""

from __future__ import annotations

import sys

from mps_project.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
