"""The record beside the arrays of a checkpoint: a SHA-256 digest of every leaf and every file, and a seal over both.

Orbax does not notice flipped bits in array data (116 of 120 restored silently wrong). Here a damaged file is found
before Orbax reads it, and its path names the leaf.
"""

import hashlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from cfgrl._errors import CheckpointError

#: The first one recorded neither dtypes nor notes, and its arrays were compressed; no release wrote it.
SCHEMA = 2
NAME = "digests.json"
#: A leaf takes some 200 bytes.
_MOST_BYTES = 16 << 20


class Leaf(NamedTuple):
    """What is recorded of one array."""

    sha256: str
    shape: tuple[int, ...]
    dtype: str


class Record(NamedTuple):
    """What is recorded of a checkpoint: its leaves, its files, and what a run noted beside its arrays."""

    leaves: dict[str, Leaf]
    files: dict[str, str]
    notes: dict[str, Any]


def describe(array: np.ndarray) -> Leaf:
    """The record of an array: its digest covers type, shape and content."""
    header = f"{array.dtype.str}{array.shape}".encode()
    content = hashlib.sha256(header + np.ascontiguousarray(array).tobytes())
    return Leaf(content.hexdigest(), array.shape, array.dtype.name)


def write(path: pathlib.Path, step: int, arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> None:
    """Write the record of the checkpoint in `path`, whose other files are complete."""
    leaves = {name: describe(value)._asdict() for name, value in arrays.items()}
    record = {"schema": SCHEMA, "step": step, "leaves": leaves, "files": dict(_files(path)), "notes": dict(notes)}
    (path / NAME).write_text(_text(record | {"seal": seal(record)}))


def read(path: pathlib.Path, step: int) -> Record:
    """The record of the checkpoint in `path`.

    **Raises:** `CheckpointError` where it cannot be read, was altered, or was written by a newer schema.
    """
    try:
        text = _read(path / NAME)
        content = json.loads(text)
        schema = content["schema"]
        if not isinstance(schema, int):
            raise TypeError(f"its schema is {schema!r}")
        if schema != SCHEMA:
            age, remedy = ("a newer", "update cfgrl") if schema > SCHEMA else ("an older", "it cannot be read any more")
            raise CheckpointError(f"Checkpoint {path}: {NAME} was written by {age} cfgrl (schema {schema}); {remedy}.")
        # Not the parsed content alone: a byte that changes nothing in it was altered all the same.
        sound = text == _text(content) and content.pop("seal") == seal(content) and content["step"] == step
        leaves = {name: Leaf(e["sha256"], tuple(e["shape"]), e["dtype"]) for name, e in content["leaves"].items()}
        record = Record(leaves, dict(content["files"]), dict(content["notes"]))
        texts = [*record.files.values(), *(text for leaf in leaves.values() for text in (leaf.sha256, leaf.dtype))]
        sizes = [size for leaf in leaves.values() for size in leaf.shape]
        if not all(isinstance(text, str) for text in texts) or not all(type(size) is int for size in sizes):
            raise TypeError("it has another form")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"Checkpoint {path}: {NAME} cannot be read ({error}).") from error
    if not sound:
        raise CheckpointError(f"Checkpoint {path}: {NAME} was altered.")
    return record


def _read(file: pathlib.Path) -> str:
    if file.is_symlink() or not file.is_file():
        raise OSError("it is no regular file" if file.exists() else "it is missing")
    if file.stat().st_size > _MOST_BYTES:
        raise OSError(f"it has {file.stat().st_size:,} bytes; at most {_MOST_BYTES:,} are read")
    return file.read_text()


def check_files(path: pathlib.Path, expected: Mapping[str, str]) -> None:
    """Raise `CheckpointError` naming a file that is missing, altered, unreadable or not recorded."""
    try:
        found = dict(_files(path))
    except OSError as error:
        name = pathlib.Path(error.filename or path)
        raise CheckpointError(f"Checkpoint {path}: {name} cannot be read ({error.strerror or error}).") from error
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            stray, gone = name not in expected, name not in found
            fault = "does not belong there" if stray else "is missing" if gone else "was altered"
            raise CheckpointError(f"Checkpoint {path}: {name} {fault}.")


def seal(record: Mapping[str, Any]) -> str:
    """A digest of all that is recorded."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1)


def _files(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Each file below `path` but the record itself, with its digest. Links and pipes are followed nowhere."""
    for file in sorted(path.rglob("*")):
        if file.is_dir() and not file.is_symlink():
            continue
        name = str(file.relative_to(path))
        if file.is_symlink() or not file.is_file():
            yield name, "no regular file"
        elif name != NAME:
            with file.open("rb") as content:
                yield name, hashlib.file_digest(content, "sha256").hexdigest()
