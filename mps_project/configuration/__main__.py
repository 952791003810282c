"""Write `docs/configuration.md` to standard output: `python -m mps_project.configuration > docs/configuration.md`."""

from __future__ import annotations

import sys

from mps_project.configuration.reference import markdown

sys.stdout.write(markdown())
