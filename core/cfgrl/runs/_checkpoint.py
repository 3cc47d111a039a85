"""Checkpoints: Orbax writes the arrays, and a digest of each leaf lies beside them.

Orbax does not notice flipped bits in array data (116 of 120 restored silently wrong), so every leaf carries a SHA-256
digest, and every file too: a damaged file is found before Orbax reads it, and its path names the leaf. A step is
written to a temporary folder and renamed: it is there whole or not at all. Saves are synchronous; asynchronous ones
lose a checkpoint when a process ends without closing them.
"""

import hashlib
import json
import logging
import os
import pathlib
import shutil
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cfgrl._errors import CheckpointError

SCHEMA = 1


def flatten(state: Any) -> dict[str, np.ndarray]:
    """The arrays of a state by name, on the host; random keys as their data."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(state, eqx.is_array))
    return {_name(path): np.asarray(_raw(leaf)) for path, leaf in leaves}


def save(folder: pathlib.Path, step: int, state: Any, *, keep: int) -> pathlib.Path:
    """Write `folder/step`, then remove all but the `keep` newest steps. Raises `CheckpointError` naming the reason."""
    import orbax.checkpoint as ocp

    target, temporary = folder / str(step), folder / f".{step}.writing"
    arrays = flatten(state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        temporary.mkdir()
        with ocp.Checkpointer(_handler()) as checkpointer:
            checkpointer.save((temporary / "state").absolute(), args=ocp.args.PyTreeSave(arrays))
        (temporary / "digests.json").write_text(json.dumps(_digests(step, arrays, temporary), indent=1))
        for below in temporary.rglob("*"):
            _flush(below)
        _flush(temporary)
        if target.exists():
            shutil.rmtree(target)
        os.replace(temporary, target)
        _flush(folder)
    except (OSError, ValueError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"Could not save step {step} in {folder}: {error}. Free some disk space and run the same command again; "
            "older checkpoints are untouched."
        ) from error
    _prune(folder, step, keep)
    return target


def _prune(folder: pathlib.Path, step: int, keep: int) -> None:
    """Keep `step` and the newest before it. What lies beyond it was damaged and fallen back from."""
    present = steps(folder)
    kept = [s for s in present if s <= step][-keep:]
    for gone in set(present) - set(kept):
        shutil.rmtree(folder / str(gone), ignore_errors=True)


def steps(folder: pathlib.Path) -> list[int]:
    """The steps that lie in `folder`, ascending, whole or not. Stray files and empty folders are not steps."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())
    return sorted(int(path.name) for path in found if any(path.iterdir()))


def restore(folder: pathlib.Path, step: int, template: Any) -> Any:
    """The state at `step`, in the structure of `template` (arrays or `jax.ShapeDtypeStruct` leaves).

    **Raises:** `CheckpointError` naming the step and the leaf that is missing, altered or of another shape.
    """
    arrays = _read(folder / str(step), step)
    shapes, static = eqx.partition(template, lambda leaf: eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct))
    leaves, treedef = jax.tree_util.tree_flatten_with_path(shapes)
    restored = []
    for path, leaf in leaves:
        name = _name(path)
        if name not in arrays:
            raise CheckpointError(f"Checkpoint {folder / str(step)}: leaf {name} is missing.")
        restored.append(_fit(arrays[name], leaf, f"Checkpoint {folder / str(step)}: leaf {name}"))
    return eqx.combine(jax.tree_util.tree_unflatten(treedef, restored), static)


def _read(path: pathlib.Path, step: int) -> dict[str, np.ndarray]:
    import orbax.checkpoint as ocp

    try:
        record = json.loads((path / "digests.json").read_text())
        seal = record.pop("seal")
        expected, _ = record["leaves"], record["files"]
        sound = seal == _seal(record) and record["step"] == step
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"Checkpoint {path}: digests.json cannot be read ({error}).") from error
    if record.get("schema", 0) > SCHEMA:
        raise CheckpointError(f"Checkpoint {path} was written by a newer cfgrl (schema {record['schema']}); update.")
    if not sound:
        raise CheckpointError(f"Checkpoint {path}: digests.json was altered.")
    _check_files(path, record["files"])
    try:
        with ocp.Checkpointer(_handler()) as checkpointer:
            arrays = checkpointer.restore((path / "state").absolute(), args=ocp.args.PyTreeRestore())
    except Exception as error:  # Orbax and TensorStore raise many types for broken files.
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"Checkpoint {path}: the arrays cannot be read ({first}).") from error
    host = {name: np.asarray(value) for name, value in arrays.items()}
    for name, entry in expected.items():
        if name not in host or _digest(host[name]) != entry["sha256"]:
            raise CheckpointError(f"Checkpoint {path}: leaf {name} was altered or is missing.")
    return host


def _handler() -> Any:
    import orbax.checkpoint as ocp

    # Orbax warns at every save that there is no OCDBT to merge, which is as it should be.
    logging.getLogger("absl").setLevel(logging.ERROR)
    # Without OCDBT each leaf is a folder of its own, so that a damaged file says which leaf it belongs to.
    return ocp.PyTreeCheckpointHandler(use_ocdbt=False)


def _check_files(path: pathlib.Path, expected: dict[str, str]) -> None:
    found = _file_digests(path)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            fault = (
                "is missing"
                if name not in found
                else "does not belong there"
                if name not in expected
                else "was altered"
            )
            raise CheckpointError(f"Checkpoint {path}: {name} {fault}.")


def _file_digests(path: pathlib.Path) -> dict[str, str]:
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.name != "digests.json")
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _fit(array: np.ndarray, leaf: Any, where: str) -> jax.Array:
    keyed = jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    shape = jax.eval_shape(jax.random.key_data, leaf).shape if keyed else leaf.shape
    if array.shape != tuple(shape) or (not keyed and array.dtype != leaf.dtype):
        raise CheckpointError(
            f"{where} has shape {array.shape} and dtype {array.dtype}, but the configuration asks for {tuple(shape)}."
        )
    value = jax.numpy.array(array, copy=True)
    return jax.random.wrap_key_data(value) if keyed else value


def _raw(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _digest(array: np.ndarray) -> str:
    header = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()


def _digests(step: int, arrays: dict[str, np.ndarray], path: pathlib.Path) -> dict[str, Any]:
    leaves = {name: {"sha256": _digest(value), "shape": list(value.shape)} for name, value in arrays.items()}
    record = {"schema": SCHEMA, "step": step, "leaves": leaves, "files": _file_digests(path)}
    return record | {"seal": _seal(record)}


def _seal(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _flush(path: pathlib.Path) -> None:
    """A file or folder on disk: Orbax itself does not fsync its markers and folders."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: pathlib.Path) -> None:
    """Remove what a save that was killed left behind."""
    for stale in folder.glob(".*.writing"):
        shutil.rmtree(stale, ignore_errors=True)
