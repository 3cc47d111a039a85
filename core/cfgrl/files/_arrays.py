"""Named arrays of a file, whichever of the two formats it has: npz or HDF5, told apart by its first bytes.

read_arrays("mine.npz", {"observations": "obs", "actions": "act", "rewards": "rew"}, optional=("rewards",))
"""

import difflib
import pathlib
from collections.abc import Collection, Mapping

import numpy as np

from cfgrl._errors import DataError
from cfgrl.files._hdf5 import hdf5_names, read_hdf5
from cfgrl.files._npz import MAX_BYTES, npz_names, read_npz, require_file

_HDF5 = b"\x89HDF\r\n\x1a\n"
#: Names in one message.
_MOST_NAMES = 20


def read_arrays(
    path: str | pathlib.Path, names: Mapping[str, str], *, optional: Collection[str] = (), max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Read some arrays of an untrusted npz or HDF5 file.

    **Arguments:**

    - `path`: the file; its first bytes decide what it is.
    - `names`: for each array what it is called in the file; paths with slashes in HDF5.
    - `optional`: those that the file need not have.
    - `max_bytes`: the most memory that they may take.

    **Returns:** the arrays by the keys of `names`.

    **Raises:** `DataError` as `read_npz` and `read_hdf5` do, and where the file lacks an array, with the closest name
    and what it holds.
    """
    path = pathlib.Path(path)
    read = read_hdf5 if is_hdf5(path) else read_npz
    arrays = read(path, keys=set(names.values()), max_bytes=max_bytes)
    missing = [key for key, name in names.items() if name not in arrays and key not in optional]
    if missing:
        raise DataError(_missing(path, missing[0], names[missing[0]], array_names(path)))
    return {key: arrays[name] for key, name in names.items() if name in arrays}


def array_names(path: pathlib.Path) -> list[str]:
    """The names of a file's arrays, in its own order. Raises as `read_arrays` does."""
    return hdf5_names(path) if is_hdf5(path) else npz_names(path)


def is_hdf5(path: pathlib.Path) -> bool:
    """Whether a file is HDF5; one that is neither that nor an archive goes by its name."""
    require_file(path)
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    return start == _HDF5 or (start[:2] != b"PK" and path.suffix.lower() in (".hdf5", ".h5", ".hdf"))


def _missing(path: pathlib.Path, key: str, name: str, held: list[str]) -> str:
    close = difflib.get_close_matches(name, held, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    more = f" and {len(held) - _MOST_NAMES} others" if len(held) > _MOST_NAMES else ""
    listed = ", ".join(held[:_MOST_NAMES]) + more
    wanted = f"{name!r}" if key == name else f"{name!r} for {key}"
    return f"{path} has no array {wanted}{hint} It holds {listed or 'no arrays'}."
