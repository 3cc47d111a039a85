"""Checkpoints: Orbax writes the arrays, and a record of digests lies beside them.

A step is written to a temporary folder and renamed: it is there whole or not at all. Saves are synchronous;
asynchronous ones lose a checkpoint when a process ends without closing them.
"""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cfgrl._errors import CheckpointError
from cfgrl.files._atomic import flush
from cfgrl.runs import _arrays, _digests


def save(
    folder: pathlib.Path, step: int, state: Any, *, keep: int, notes: Mapping[str, Any] | None = None
) -> pathlib.Path:
    """Write `folder/step`, then remove all but the `keep` newest steps.

    **Arguments:**

    - `state`: a pytree; its arrays are saved.
    - `notes`: plain values to be saved with it, exactly.

    **Raises:** `CheckpointError` naming the reason; older steps are untouched then.
    """
    target, temporary = folder / str(step), folder / f".{step}.writing"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            flush(folder.parent)
        _sweep(folder)
        temporary.mkdir()
        arrays = flatten(state)
        _require_room(folder, arrays)
        _arrays.write(temporary / "state", arrays)
        _digests.write(temporary, step, arrays, notes or {})
        for below in (*temporary.rglob("*"), temporary):
            flush(below)
        if target.exists():
            _remove(target)
        os.replace(temporary, target)
        flush(folder)
    except (OSError, ValueError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"Could not save step {step} in {folder}: {error}. Older checkpoints are untouched; where the disk is "
            "full, free some space and run the same command again."
        ) from error
    _prune(folder, step, keep)
    return target


def steps(folder: pathlib.Path) -> list[int]:
    """The steps that lie in `folder`, ascending, whole or not. Stray files and empty folders are not steps."""
    if not folder.is_dir():
        return []
    named = (path for path in folder.iterdir() if path.name.isascii() and path.name.isdecimal() and path.is_dir())
    return sorted(int(path.name) for path in named if path.name == str(int(path.name)) and any(path.iterdir()))


def newest(folder: pathlib.Path) -> int | None:
    """The newest step whose record is whole, `None` if there is none; the arrays are not looked at."""
    for step in reversed(steps(folder)):
        with contextlib.suppress(CheckpointError):
            _digests.read(folder / str(step), step)
            return step
    return None


def restore(folder: pathlib.Path, step: int, template: Any) -> Any:
    """The state at `step`, in the structure of `template` (arrays or `jax.ShapeDtypeStruct` leaves).

    **Raises:** `CheckpointError` naming the step and the leaf or file that is missing, altered or of another shape.
    """
    path = folder / str(step)
    record = _digests.read(path, step)
    shapes, static = eqx.partition(template, lambda leaf: eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct))
    leaves, treedef = jax.tree_util.tree_flatten_with_path(shapes)
    wanted = {_name(key): leaf for key, leaf in leaves}
    # Before anything is read: what is read then has the size that the configuration asks for.
    for name, leaf in wanted.items():
        _check_leaf(record.leaves.get(name), leaf, f"Checkpoint {path}: leaf {name}")
    _digests.check_files(path, record.files)
    arrays = _arrays.read(path, record.leaves)
    restored = [_to_device(arrays[name], leaf) for name, leaf in wanted.items()]
    return eqx.combine(jax.tree_util.tree_unflatten(treedef, restored), static)


def notes(folder: pathlib.Path, step: int) -> dict[str, Any]:
    """What was saved beside the arrays of `step`. Raises `CheckpointError` as `restore` does."""
    return _digests.read(folder / str(step), step).notes


def flatten(state: Any) -> dict[str, np.ndarray]:
    """The arrays of a state by name, on the host; random keys as their data."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(state, eqx.is_array))
    return {_name(key): np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for key, leaf in leaves}


def _check_leaf(recorded: _digests.Leaf | None, leaf: Any, where: str) -> None:
    if recorded is None:
        raise CheckpointError(f"{where} is missing.")
    wanted = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
    if recorded.shape != tuple(wanted.shape) or recorded.dtype != np.dtype(wanted.dtype).name:
        raise CheckpointError(
            f"{where} has shape {recorded.shape} and dtype {recorded.dtype}, but the configuration asks for "
            f"{tuple(wanted.shape)} and {np.dtype(wanted.dtype).name}."
        )


def _to_device(array: np.ndarray, leaf: Any) -> jax.Array:
    value = jax.numpy.array(array, copy=True)
    return jax.random.wrap_key_data(value) if _is_key(leaf) else value


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _require_room(folder: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise `OSError` where the disk has no room: before Orbax, whose threads then print pages of their own."""
    about = os.statvfs(folder)
    # Each array is two files in a folder, and a file takes whole blocks.
    needed = sum(array.nbytes + 3 * about.f_bsize for array in arrays.values())
    free = about.f_bavail * about.f_frsize
    if needed > free:
        raise OSError(errno.ENOSPC, f"it takes about {needed:,} bytes, and {free:,} are free")


def _prune(folder: pathlib.Path, step: int, keep: int) -> None:
    """Keep `step` and the newest before it. What lies beyond it was damaged and fallen back from."""
    present = steps(folder)
    kept = [s for s in present if s <= step][-keep:]
    for gone in set(present) - set(kept):
        with contextlib.suppress(OSError):
            _remove(folder / str(gone))


def _remove(step: pathlib.Path) -> None:
    """Remove a step atomically."""
    removing = step.with_name(f".{step.name}.removing")
    os.replace(step, removing)
    shutil.rmtree(removing, ignore_errors=True)


def _sweep(folder: pathlib.Path) -> None:
    """Remove what a save that was killed left behind."""
    for stale in (*folder.glob(".*.writing"), *folder.glob(".*.removing")):
        shutil.rmtree(stale, ignore_errors=True)
