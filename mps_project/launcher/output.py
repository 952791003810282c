"""Standard output of the launcher, which may be a full disk or a terminal that is gone."""

from __future__ import annotations

import errno
import os

_STDOUT = 1
# What a write fails with on a full disk, over a quota, or beyond the limit of a file's size.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_line(line: str) -> bool:
    """Write a line to standard output, without ever failing.

    Once nobody reads standard output any more, it is replaced by /dev/null: the service outlives its terminal.

    Returns:
        Whether the line was written. One for which a full disk has no space is lost; later ones may be written.
    """
    data = memoryview(f"{line}\n".encode(errors="replace"))
    try:
        while data:
            data = data[os.write(_STDOUT, data) :]
    except OSError as error:
        if error.errno in _NO_SPACE:
            return False
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _STDOUT)
        os.close(null)
    return True
