"""One lock for folders that a process writes: held by a file in them, which works on network file systems too."""

import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cfgrl._errors import LockedError


@contextmanager
def hold(folder: pathlib.Path, remedy: str) -> Iterator[None]:
    """Hold `folder` by its file `.lock`. Raises `LockedError` that names the holder and the `remedy`."""
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise LockedError(f"{folder} is in use by {holder}; wait for it or {remedy}.") from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
