"""A reader for npz files from strangers.

`numpy.load` trusts the file: it may unpickle, and a file of one megabyte can ask for a gigabyte. Here the sizes in
the zip directory and in each array's own header are read first, must agree, and are capped; nothing is unpickled.
"""

import math
import pathlib
import stat
import zipfile
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np

from cfgrl._errors import DataError

#: The most bytes that a file's arrays may take together in memory.
MAX_BYTES = 32 << 30
#: Beyond 256 MiB, an archive that unfolds to more than this multiple of its size is refused.
_MAX_RATIO, _RATIO_FROM = 200, 256 << 20
_MAX_MEMBERS = 1000
_CHUNK = 1 << 24


def read_npz(
    path: str | pathlib.Path, *, keys: Collection[str] | None = None, max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Read the arrays of an npz file that nobody vouches for.

    **Arguments:**

    - `path`: the file.
    - `keys`: names of the arrays wanted, without `.npy`; those that the file lacks are left out. `None` for all.
    - `max_bytes`: the most memory that the wanted arrays may take.

    **Returns:** the arrays by name: numbers or booleans, never objects.

    **Raises:** `DataError` with one sentence for a file that is missing, truncated, encrypted, compressed in another
    way than numpy does, larger than it may be, or that says one thing in one place and another in the next.
    """
    path = pathlib.Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is not a regular file.")
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path, keys, max_bytes)
            return {name: _read_member(archive, info, f"{path}: {name}") for name, info in members.items()}
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(f"{path} is truncated, damaged or no npz file ({error}): fetch or make it again.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None


def _members(
    archive: zipfile.ZipFile, path: pathlib.Path, keys: Collection[str] | None, max_bytes: int
) -> dict[str, zipfile.ZipInfo]:
    """Pick the wanted members after looking at the directory alone."""
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise DataError(f"{path} holds {len(infos):,} members; at most {_MAX_MEMBERS:,} are read.")
    names = [info.filename.removesuffix(".npy") for info in infos]
    for name, info in zip(names, infos, strict=True):
        if names.count(name) > 1:
            raise DataError(f"{path} holds the array {name!r} more than once: which one is meant cannot be known.")
        if info.flag_bits & 0x1:
            raise DataError(f"{path} is encrypted (member {info.filename!r}): save it without a password.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{path}: member {info.filename!r} is compressed in a way that numpy does not use.")
    chosen = {
        name: info
        for name, info in zip(names, infos, strict=True)
        if info.filename.endswith(".npy") and (keys is None or name in keys)
    }
    total = sum(info.file_size for info in chosen.values())
    if total > max_bytes:
        raise DataError(f"{path} would take {_size(total)} of memory; at most {_size(max_bytes)} are read.")
    on_disk = path.stat().st_size
    if total > max(_RATIO_FROM, _MAX_RATIO * on_disk):
        raise DataError(f"{path} unfolds from {_size(on_disk)} to {_size(total)}: refused as a decompression bomb.")
    return chosen


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> np.ndarray:
    """Read one array into memory of exactly the size that directory and header agree on."""
    with archive.open(info) as member:
        shape, fortran, dtype = _read_header(member, where)
        expected = math.prod(shape) * dtype.itemsize
        present = info.file_size - member.tell()
        if expected != present:
            raise DataError(f"{where}: its header promises {expected:,} bytes, but {present:,} are there.")
        flat = np.empty(math.prod(shape), dtype)
        raw = flat.view(np.uint8)
        done = 0
        while done < expected:
            chunk = member.read(min(_CHUNK, expected - done))
            if not chunk:
                raise DataError(f"{where} is truncated after {done:,} of {expected:,} bytes: fetch or make it again.")
            raw[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
            done += len(chunk)
        member.read(1)  # the end of the member is where zipfile compares the checksum
    return flat.reshape(shape, order="F" if fortran else "C")


def _read_header(member: Any, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read an array's own header; only plain numbers and booleans pass."""
    try:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(member)
        else:
            raise ValueError(f"format version {version}")
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{where} has no readable array header ({reason}).") from None
    if dtype.kind not in "biuf":
        raise DataError(f"{where} has dtype {dtype}; only numbers and booleans are read, never objects.")
    if any(size < 0 for size in shape):
        raise DataError(f"{where} has a header with the impossible shape {shape}.")
    return shape, fortran, dtype


def _size(count: int) -> str:
    """Write a number of bytes as a person would say it."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"
