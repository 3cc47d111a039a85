"""Writing what can be made again: whole or not at all, and never over a file that something else made."""

import os
import pathlib

from cfgrl._errors import ConfigError

PEEK = 4096


def write_derived(path: pathlib.Path, content: bytes, mark: str) -> pathlib.Path:
    """Write a derived file in one step; an older one of the same kind is replaced.

    **Arguments:**

    - `path`: the file.
    - `content`: all of it; must contain `mark` near its beginning.
    - `mark`: words by which such a file is known for our own.

    **Raises:** `ConfigError` where the file exists and is not our own, or where it cannot be written.
    """
    refuse_foreign(path, mark)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}. Choose another place with --out."
        ) from error
    return path


def refuse_foreign(path: pathlib.Path, mark: str) -> None:
    """Raises `ConfigError` if `path` exists and does not carry `mark`."""
    if path.is_dir():
        raise ConfigError(f"{path} is a directory; name a file with --out.")
    if path.exists():
        with path.open("rb") as file:
            if mark.encode() not in file.read(PEEK):
                raise ConfigError(
                    f"{path} exists and was not made by cfgrl; nothing was overwritten. Choose another --out."
                )
