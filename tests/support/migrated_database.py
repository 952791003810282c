"""Test databases of parallel workers: the first worker runs the migrations, the others copy its database."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

from django.db.backends.postgresql.creation import DatabaseCreation

_TEMPLATE = "mps_migrated"


def migrate_once(create_test_db: Callable[..., str], lock: Path) -> Callable[..., str]:
    """Wrap `DatabaseCreation.create_test_db`.

    Args:
        create_test_db: The method.
        lock: A file of this run, which all of its workers lock.
    """

    def create(creation: DatabaseCreation, *arguments: object, **options: object) -> str:
        with lock.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            is_first = file.tell() == 0
            if not is_first:
                creation.connection.settings_dict["TEST"]["TEMPLATE"] = _TEMPLATE
            name = create_test_db(creation, *arguments, **options)
            if is_first:
                creation.connection.close()  # a database that somebody is connected to cannot be copied
                with creation.connection._nodb_cursor() as cursor:
                    cursor.execute(f'DROP DATABASE IF EXISTS "{_TEMPLATE}"')
                    cursor.execute(f'CREATE DATABASE "{_TEMPLATE}" TEMPLATE "{name}"')
                file.write(name)
        return name

    return create
