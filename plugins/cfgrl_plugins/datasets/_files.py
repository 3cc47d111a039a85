"""Files that are whole or absent: locks, temporary names, digests, and npz files whose bytes depend on nothing else."""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import pathlib
import secrets
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import platformdirs

from cfgrl import DataError

#: Beyond this many bytes an array is made in a file.
_LARGE = 1 << 30
#: A record has a few hundred bytes.
_MOST_RECORD = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)


def generated_folder(source: str) -> pathlib.Path:
    """The folder for generated data: in the user's cache, or below the environment variable `CFGRL_CACHE`."""
    cache = os.environ.get("CFGRL_CACHE") or platformdirs.user_cache_dir("cfgrl")
    return pathlib.Path(cache).expanduser() / "data" / source


@contextlib.contextmanager
def locked(directory: pathlib.Path, name: str) -> Iterator[None]:
    """Hold the data set `name` in `directory`; a second process waits, and says so on standard error.

    The lock belongs to the open file and so ends with its process, however that ends. The file itself stays:
    removing it would let a third process lock a new file of the same name.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / f".{name}.lock", "a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{name}: another process is working on it; waiting.", file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            for stale in directory.glob(f".{name}.*.tmp"):  # left by a killed process: nobody else has the lock
                stale.unlink(missing_ok=True)
            yield
    except OSError as error:
        where = error.filename or directory
        raise DataError(
            f"{where} cannot be written ({error.strerror or error}): free space or choose a folder with --dir."
        ) from error


@contextlib.contextmanager
def temporary(directory: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """A unique path in `directory` that is gone afterwards unless it was moved away."""
    path = directory / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def replace(source: pathlib.Path, target: pathlib.Path) -> None:
    """Move a finished file to its name, so that after a power cut it is whole or absent."""
    with open(source, "rb") as file:
        os.fsync(file.fileno())
    os.replace(source, target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allocate(shape: tuple[int, ...], dtype: np.dtype, directory: pathlib.Path) -> np.ndarray:
    """An array to be filled: in memory, or where it is large in a file of `directory` that ends with the array."""
    if math.prod(shape) * dtype.itemsize <= _LARGE:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=directory) as file:
        os.posix_fallocate(file.fileno(), 0, math.prod(shape) * dtype.itemsize)  # a full disk is an error now
        return np.memmap(file, dtype, "w+", shape=shape)


def write_npz(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write what `numpy.savez` writes, without its time stamps: the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_record(path: pathlib.Path) -> dict[str, Any] | None:
    """The JSON object of a small file, such as a record of how data were made; `None` for anything else.

    What goes from it into a manifest is written as JSON again, so that numbers which JSON does not have count as none.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MOST_RECORD:
            return None
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def put_in_place(
    record_path: pathlib.Path, record: Mapping[str, Any], made: Mapping[pathlib.Path, pathlib.Path]
) -> None:
    """Write the record, then move finished files (temporary path by target) to their names, in order."""
    with temporary(record_path.parent, record_path.stem) as path:
        path.write_text(json.dumps(record, indent=2) + "\n")
        replace(path, record_path)
    for target, source in made.items():
        replace(source, target)


def summaries(made: Mapping[pathlib.Path, pathlib.Path]) -> dict[str, dict[str, str | int]]:
    """Bytes and SHA-256 of finished files, by the names that they get."""
    return {target.name: {"bytes": path.stat().st_size, "sha256": digest(path)} for target, path in made.items()}


def digest(path: pathlib.Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(path: pathlib.Path) -> dict[str, str | int]:
    """A file for a record: path, bytes, SHA-256."""
    return {"path": str(path), "bytes": path.stat().st_size, "sha256": digest(path)}
