"""Times sort as text and are accurate to the second, wherever the console shows one.

Most are shown by `console.components.columns.moment`, with the name of their zone; what packages
show has its offset from UTC.
"""

from __future__ import annotations

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s O"
SHORT_DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i:s O"
THOUSAND_SEPARATOR = ","
