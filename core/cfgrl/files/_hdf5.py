"""A reader for HDF5 files from strangers, the sibling of `read_npz`.

A file is a tree of groups whose links may lead anywhere: out of the file, to nowhere, back to the root. Here only
plain members are followed, only arrays of numbers that lie whole inside the file are read, and the sizes that they
announce are added up and capped first.
"""

import contextlib
import pathlib
import zlib
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from cfgrl._errors import DataError
from cfgrl.files._hdf5_array import element_type, read_array, refuse_indirect, unfolded_size
from cfgrl.files._npz import MAX_BYTES, MAX_MEMBERS, refuse_size, require_file


def read_hdf5(
    path: str | pathlib.Path, *, keys: Collection[str] | None = None, max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Read the arrays of an untrusted HDF5 file. Needs h5py: `pip install 'cfgrl[d4rl]'`.

    **Arguments:**

    - `path`: the file.
    - `keys`: paths of the arrays wanted, such as `infos/qpos`; those that the file lacks are left out, and what else
      it holds is not looked at. `None` for all, which must then all be arrays of numbers.
    - `max_bytes`: the most memory that the wanted arrays may take.

    **Returns:** the arrays by path: numbers or booleans, never objects.

    **Raises:** `DataError` with one sentence for a file that is missing, truncated or no HDF5 file; for an array that
    is a soft or external link, lies in other files, was not written whole, needs a filter other than gzip, LZF, SZIP,
    shuffle and Fletcher32, or is larger than it may be.
    """
    path = pathlib.Path(path)
    with _opened(path) as file:
        found = _chosen(file, path, keys)
        for name, dataset in found.items():
            refuse_indirect(dataset, f"{path}: {name}")
        total = sum(unfolded_size(dataset, f"{path}: {name}") for name, dataset in found.items())
        refuse_size(path, total, max_bytes)
        on_disk = path.stat().st_size
        return {name: read_array(dataset, f"{path}: {name}", on_disk) for name, dataset in found.items()}


def hdf5_names(path: pathlib.Path) -> list[str]:
    """The paths of all arrays of numbers or booleans.

    **Raises:** as `read_hdf5` does, for whatever in the file leads out of it; text and records are left out.
    """
    names = []
    with _opened(path) as file:
        for name, dataset in _walk(file, path):
            refuse_indirect(dataset, f"{path}: {name}")
            with contextlib.suppress(DataError):
                element_type(dataset, name)
                names.append(name)
    return names


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[Any]:
    """The file; its faults and those of the disk become one sentence."""
    require_file(path)
    try:
        import h5py
    except ImportError:
        raise DataError(f"Reading {path} needs h5py: pip install 'cfgrl[d4rl]'.") from None
    try:
        # A folder that cannot be written to cannot be locked either.
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except PermissionError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into this machine's memory.") from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, zlib.error) as error:
        reason = str(error.args[0] if error.args else type(error).__name__).splitlines()[0]
        raise DataError(f"{path} is truncated, damaged or no HDF5 file ({reason}): fetch or make it again.") from None


def _chosen(file: Any, path: pathlib.Path, keys: Collection[str] | None) -> dict[str, Any]:
    """The wanted arrays by path."""
    if keys is None:
        return dict(_walk(file, path))
    found = {key: _at(file, key, path) for key in keys}
    return {key: dataset for key, dataset in found.items() if dataset is not None}


def _at(file: Any, key: str, path: pathlib.Path) -> Any:
    """The array at one path, reached by plain members only; `None` if there is none."""
    import h5py

    item, walked = file, ""
    for part in key.strip("/").split("/"):
        if not isinstance(item, h5py.Group):
            return None
        walked += f"/{part}" if walked else part
        item = _follow(item, part, f"{path}: {walked}")
    if item is not None and not isinstance(item, h5py.Dataset):
        raise DataError(f"{path}: {key} is no array.")
    return item


def _walk(file: Any, path: pathlib.Path) -> Iterator[tuple[str, Any]]:
    """All arrays with their paths."""
    import h5py

    waiting, seen, count = [("", file["/"])], set(), 0
    while waiting:
        prefix, group = waiting.pop()
        if group in seen:  # groups are equal where they are the same place in the file
            raise DataError(f"{path}: the group {prefix or '/'} is there under two paths, so that it may hold itself.")
        seen.add(group)
        if len(group) > MAX_MEMBERS:
            raise DataError(f"{path} holds {len(group):,} members; at most {MAX_MEMBERS:,} are read.")
        for name in group:
            count += 1
            if count > MAX_MEMBERS:
                raise DataError(f"{path} holds more than {MAX_MEMBERS:,} members, the most that are read.")
            # It would be printed with the next message, escape sequences and all; bytes are what is no UTF-8.
            if not (isinstance(name, str) and name.isprintable()):
                raise DataError(f"{path} holds a member whose name cannot be printed: {name!r}.")
            item = _follow(group, name, f"{path}: {prefix}{name}")
            if isinstance(item, h5py.Group):
                waiting.append((f"{prefix}{name}/", item))
            elif isinstance(item, h5py.Dataset):
                yield f"{prefix}{name}", item


def _follow(group: Any, name: str, where: str) -> Any:
    """The member `name` of a group, `None` if there is none. Raises `DataError` for what is only a link."""
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        return None
    if isinstance(link, h5py.ExternalLink):
        raise DataError(f"{where} is a link into another file, {link.filename!r}: nothing outside a file is read.")
    if isinstance(link, h5py.SoftLink):
        raise DataError(f"{where} is a soft link to {link.path!r}: store the array itself.")
    return group[name]
