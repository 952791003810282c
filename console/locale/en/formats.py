"""Formats that sort as text and are accurate to the second (Django's FORMAT_MODULE_PATH).

Most times are rendered by `console.components.columns.moment`, with the name of their zone. Those that Django or a
package renders carry their offset from UTC instead.
"""

from __future__ import annotations

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s O"
SHORT_DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i:s O"
THOUSAND_SEPARATOR = ","
# Also in Chinese, where Django has 4.
NUMBER_GROUPING = 3
