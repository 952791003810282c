"""The database's knowledge of dead tokens: messages refused for one do not count as pushed.

Which status codes say so is in the descriptions of vendors. The database has them in a function that it puts in place
of its calls, so that counting looks nothing up.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from pushcore.channels import third_channels


def define_function(**_: Any) -> None:
    """Make `analytics_is_dead_token` anew from the channels there are; Django calls it after each migration."""
    known = [
        f"(channel = {channel} AND status IN ({', '.join(map(str, sorted(codes)))}))"
        for channel in third_channels()
        if (codes := channel.description.dead_token_statuses)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION analytics_is_dead_token(channel smallint, status integer) RETURNS boolean"
            f" LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT {' OR '.join(known) or 'false'} $$"
        )
