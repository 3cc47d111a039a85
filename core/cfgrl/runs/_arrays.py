"""Named arrays in a folder of Orbax: each a folder of its own, uncompressed, so that its files have a known size."""

import contextlib
import json
import logging
import math
import pathlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cfgrl._errors import CheckpointError
from cfgrl.runs._digests import NAME, Leaf, describe


def write(folder: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` into the new folder `folder`. Raises `OSError` or `ValueError` where that fails."""
    import orbax.checkpoint as ocp

    with _silent_threads(), ocp.Checkpointer(_handler()) as checkpointer:
        checkpointer.save(folder.absolute(), args=ocp.args.PyTreeSave(dict(arrays)))
    # It names the folder of this machine in which it was written, which is not read.
    (folder / "commit_success.txt").unlink(missing_ok=True)


def read(path: pathlib.Path, leaves: Mapping[str, Leaf]) -> dict[str, np.ndarray]:
    """The arrays of the checkpoint in `path`, which must be those that `leaves` describes.

    **Raises:** `CheckpointError` naming the leaf that is missing, altered, or larger than it was recorded to be.
    """
    import orbax.checkpoint as ocp

    for name, leaf in leaves.items():
        _check_stored(path, name, leaf)
    _check_names(path, leaves)
    try:
        with ocp.Checkpointer(_handler()) as checkpointer:
            arrays = checkpointer.restore((path / "state").absolute(), args=ocp.args.PyTreeRestore())
    except Exception as error:  # Orbax and TensorStore raise many types for broken files.
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise CheckpointError(f"Checkpoint {path}: the arrays cannot be read ({first}).") from error
    host = {name: np.asarray(value) for name, value in arrays.items()}
    for name, leaf in leaves.items():
        if name not in host or describe(host[name]) != leaf:
            raise CheckpointError(f"Checkpoint {path}: leaf {name} was altered or is missing.")
    return host


def _check_stored(path: pathlib.Path, name: str, leaf: Leaf) -> None:
    """What is stored has the recorded shape, and as many bytes: a small file cannot unfold to a large array."""
    folder = path / "state" / name
    if "/" in name or name in ("", ".", ".."):
        raise CheckpointError(f"Checkpoint {path}: {name!r} is no name of a leaf.")
    try:
        stored = json.loads((folder / ".zarray").read_text())
        plain = stored["compressor"] is None and stored["filters"] is None and stored["zarr_format"] == 2
        dtype = np.dtype(stored["dtype"])
        same = tuple(stored["shape"]) == tuple(stored["chunks"]) == leaf.shape and dtype.name == leaf.dtype
        size = math.prod(leaf.shape) * dtype.itemsize
        whole = all(file.stat().st_size == size for file in folder.iterdir() if file.name != ".zarray")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"Checkpoint {path}: leaf {name} has no readable .zarray ({error}).") from error
    if not (plain and same and whole):
        raise CheckpointError(f"Checkpoint {path}: leaf {name} is not stored as it was recorded.")


def _check_names(path: pathlib.Path, leaves: Mapping[str, Leaf]) -> None:
    """Orbax reads the folders that its own list names: they must be the recorded ones."""
    try:
        listed = json.loads((path / "state" / "_METADATA").read_text())["tree_metadata"].values()
        names = {".".join(str(key["key"]) for key in entry["key_metadata"]) for entry in listed}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"Checkpoint {path}: state/_METADATA cannot be read ({error}).") from error
    if names != leaves.keys():
        raise CheckpointError(f"Checkpoint {path}: state/_METADATA names other leaves than {NAME}.")


@contextlib.contextmanager
def _silent_threads() -> Iterator[None]:
    """Threads of Orbax print pages of what they raise, and `save` raises it too."""
    before, threading.excepthook = threading.excepthook, lambda args: None
    try:
        yield
    finally:
        threading.excepthook = before


def _handler() -> Any:
    import orbax.checkpoint as ocp

    # Orbax warns at every save that there is no OCDBT to merge, which is as it should be.
    logging.getLogger("absl").setLevel(logging.ERROR)
    # Without OCDBT each leaf is a folder of its own, so that a damaged file says which leaf it belongs to. Weights
    # hardly compress, and a file that is not compressed takes what its array takes.
    return ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_compression=False)
