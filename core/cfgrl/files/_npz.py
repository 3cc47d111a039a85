"""A reader for npz files from strangers.

`numpy.load` trusts the file: it may unpickle, and a file of one megabyte can ask for a gigabyte. Here the sizes in
the zip directory and in each array's own header are read first, must agree, and are capped; nothing is unpickled.
"""

import contextlib
import math
import pathlib
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from cfgrl._errors import DataError
from cfgrl.files._spill import LARGE, allocate

#: The most bytes that a file's arrays may take together in memory.
MAX_BYTES = 32 << 30
#: Beyond 256 MiB, an archive that unfolds to more than this multiple of its size is refused.
_MAX_RATIO, _RATIO_FROM = 200, 256 << 20
#: The most arrays that a file is searched for.
MAX_MEMBERS = 1000
_CHUNK = 1 << 24
#: What `zipfile` lets through from a broken directory: its own, a name that is no UTF-8, a field that is cut short.
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, struct.error)


def read_npz(
    path: str | pathlib.Path, *, keys: Collection[str] | None = None, max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Read the arrays of an untrusted npz file.

    **Arguments:**

    - `path`: the file.
    - `keys`: names of the arrays wanted, without `.npy`; those that the file lacks are left out. `None` for all.
    - `max_bytes`: the most memory that the wanted arrays may take.

    **Returns:** the arrays by name: numbers or booleans, never objects.

    **Raises:** `DataError` with one sentence for a file that is missing, truncated, encrypted, compressed in another
    way than numpy does, larger than it may be, or that says one thing in one place and another in the next.
    """
    path = pathlib.Path(path)
    with _opened(path) as archive:
        members = _members(archive, path)
        chosen = {name: info for name, info in members.items() if keys is None or name in keys}
        refuse_size(path, sum(info.file_size for info in chosen.values()), max_bytes)
        return {name: _read_member(archive, info, f"{path}: {name}") for name, info in chosen.items()}


def npz_names(path: pathlib.Path) -> list[str]:
    """The names of an npz file's arrays, from its directory alone. Raises as `read_npz` does."""
    with _opened(path) as archive:
        return list(_members(archive, path))


def require_file(path: pathlib.Path) -> None:
    """Raise `DataError` for what is no regular file: opening a pipe would wait for its other end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path} is not a regular file.")
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path} does not exist.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None


def refuse_size(path: pathlib.Path, total: int, max_bytes: int) -> None:
    """Raise `DataError` where `total` bytes of arrays are more than wanted, or than such a file can mean."""
    if total > max_bytes:
        raise DataError(f"{path} would take {_size(total)} of memory; at most {_size(max_bytes)} are read.")
    on_disk = path.stat().st_size
    if total > max(_RATIO_FROM, _MAX_RATIO * on_disk):
        raise DataError(f"{path} unfolds from {_size(on_disk)} to {_size(total)}: refused as a decompression bomb.")


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[zipfile.ZipFile]:
    """The archive; its faults and those of the disk become one sentence."""
    require_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (*_ZIP_FAULTS, EOFError, NotImplementedError) as error:
        raise DataError(f"{path} is truncated, damaged or no npz file ({error}): fetch or make it again.") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into this machine's memory.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None


def _members(archive: zipfile.ZipFile, path: pathlib.Path) -> dict[str, zipfile.ZipInfo]:
    """The members that are arrays, by the directory alone."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"{path} holds {len(infos):,} members; at most {MAX_MEMBERS:,} are read.")
    names = [info.filename.removesuffix(".npy") for info in infos]
    for name, info in zip(names, infos, strict=True):
        if not name.isprintable():  # it would be printed with the next message, escape sequences and all
            raise DataError(f"{path} holds a member whose name cannot be printed: {info.filename!r}.")
        if names.count(name) > 1:
            raise DataError(f"{path} holds the array {name!r} more than once: which one is meant cannot be known.")
        if info.flag_bits & 0x1:
            raise DataError(f"{path} is encrypted (member {info.filename!r}): save it without a password.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{path}: member {info.filename!r} is compressed in a way that numpy does not use.")
    return {name: info for name, info in zip(names, infos, strict=True) if info.filename.endswith(".npy")}


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> np.ndarray:
    """Read one array into memory of exactly the size that directory and header agree on."""
    with archive.open(info) as member:
        shape, fortran, dtype = _read_header(member, where)
        expected = math.prod(shape) * dtype.itemsize
        present = info.file_size - member.tell()
        if expected != present:
            raise DataError(f"{where}: its header promises {expected:,} bytes, but {present:,} are there.")
        mapped = _mapped(archive, info, member.tell(), math.prod(shape), dtype)
        flat = allocate(math.prod(shape), dtype) if mapped is None else mapped
        raw = None if mapped is not None else flat.view(np.uint8)
        done = 0
        while done < expected:
            chunk = member.read(min(_CHUNK, expected - done))
            if not chunk:
                raise DataError(f"{where} is truncated after {done:,} of {expected:,} bytes: fetch or make it again.")
            if raw is not None:
                raw[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
            done += len(chunk)
        member.read(1)  # the end of the member is where zipfile compares the checksum
    return flat.reshape(shape, order="F" if fortran else "C")


def _mapped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, header: int, count: int, dtype: np.dtype
) -> np.ndarray | None:
    """A large array that is not compressed, where it lies in the file; `None` if it has to be copied."""
    if info.compress_type != zipfile.ZIP_STORED or count * dtype.itemsize <= LARGE or archive.filename is None:
        return None
    with open(archive.filename, "rb") as file:
        file.seek(info.header_offset)
        start = file.read(30)  # a local header, which ends with the lengths of name and extra field
    name, extra = struct.unpack("<HH", start[26:30])
    offset = info.header_offset + 30 + name + extra + header
    if offset % dtype.itemsize:
        return None
    return np.memmap(archive.filename, dtype, "r", offset=offset, shape=(count,))


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
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
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
