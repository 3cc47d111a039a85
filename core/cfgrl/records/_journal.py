"""JSON lines that survive a kill and a full disk: appended whole or not at all, and cut back to a checkpoint.

Training and evaluations may write into one file at the same time: each holds it for as long as it writes.
"""

import contextlib
import fcntl
import io
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from cfgrl._errors import CheckpointError
from cfgrl.files._atomic import flush, replace

_BLOCK = 1 << 16


def append(path: pathlib.Path, records: Iterable[dict[str, Any]]) -> None:
    """Append one line a record and wait until they are on the disk.

    **Raises:** `CheckpointError` where that fails; the file is as it was then.
    """
    text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records).encode()
    # A buffer would still be written when the file is closed, though a write of it has failed.
    with writing(path), _held(path) as file:
        whole = _whole(file)
        file.truncate(whole)
        try:
            while text:
                text = text[file.write(text) :]
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(whole)
            raise
        if not whole:
            flush(path.parent)


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
    """What the system says against writing `path` as a `CheckpointError`."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror or error}): free some disk space, or see who may write there."
        ) from error


@contextlib.contextmanager
def _held(path: pathlib.Path) -> Iterator[io.FileIO]:
    """The file, unbuffered and locked."""
    while True:
        with path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The process that held it may have put another file in its place.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield file
                return


def _whole(file: io.FileIO) -> int:
    """Length up to the last line break: what a kill cut short would otherwise join the next line."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        begin = max(0, end - _BLOCK)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """All whole lines; a last line that a kill cut short is left out. Raises `CheckpointError` for any other fault."""
    return [record for record, _ in _lines(path)]


def keep(path: pathlib.Path, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the records that fulfil `condition`, byte by byte; the file is replaced in one step."""
    if not path.exists():
        return
    with writing(path), _held(path):
        lines = _lines(path)
        kept = [line for record, line in lines if condition(record)]
        if len(kept) < len(lines):
            replace(path, b"".join(line + b"\n" for line in kept))


def _lines(path: pathlib.Path) -> list[tuple[dict[str, Any], bytes]]:
    """Each record with its line."""
    if not path.exists():
        return []
    try:
        # A whole line ends in a line break: what follows the last one is empty or was cut short.
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}).") from error
    return [(_record(line, f"{path}, line {number}"), line) for number, line in enumerate(lines, start=1)]


def _record(line: bytes, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{place} is not JSON; mend the line or remove it.") from error
    if not isinstance(record, dict) or type(record.get("step")) is not int:
        raise CheckpointError(f"{place} says no step; mend the line or remove it.")
    return record


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write a JSON file in one step. Raises `CheckpointError` if it cannot be written."""
    with writing(path):
        replace(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
