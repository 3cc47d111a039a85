"""A run's manifest, read from a directory that may come from anybody: of the right form, or refused by one sentence."""

import json
import math
import pathlib
from typing import Annotated, Any

import numpy as np
import pydantic
from annotated_types import Ge, Le, Len

from cfgrl._errors import CheckpointError
from cfgrl.config._tables import dotted

SCHEMA = 1
#: A manifest has a few kilobytes; a row of a column, at most some large pictures.
_MOST_BYTES, _LARGEST_ROW = 16 << 20, 1 << 28

_Size = Annotated[int, Ge(0), Le(_LARGEST_ROW)]
_Column = tuple[Annotated[list[_Size], Len(0, 8)], str]


class _Form(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, allow_inf_nan=False)


class _File(_Form):
    sha256: str


class _Made(_Form):
    sha256: str | None = None


class _Dataset(_Form):
    name: str | None = None
    files: list[_File] = []
    record: _Made | None = None


class _Shapes(_Form):
    columns: dict[str, _Column]


class _Manifest(_Form):
    dataset: _Dataset
    shapes: _Shapes
    versions: dict[str, str | None]
    platform: dict[str, Any]
    resumed: list[dict[str, Any]] = []


def read_manifest(path: pathlib.Path) -> dict[str, Any]:
    """The content of a `manifest.json`.

    **Raises:** `CheckpointError` where it cannot be read, names no schema or a newer one, or lacks what a run needs.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CheckpointError(f"{path} is larger than {_MOST_BYTES >> 20} MiB; a run does not write such a file.")
        text = path.read_text(encoding="utf-8")
        manifest = json.loads(text)
        schema = manifest["schema"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}).") from error
    if type(schema) is not int:
        raise CheckpointError(f"{path}: schema must be a whole number; the file was not written by cfgrl.")
    if schema > SCHEMA:
        raise CheckpointError(f"{path} was written by a newer cfgrl (schema {schema}); update cfgrl to read it.")
    try:
        _Manifest.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise CheckpointError(f"{path}: {dotted(first['loc']) or 'it'}: {first['msg']}; restore the file.") from error
    for name, (shape, dtype) in manifest["shapes"]["columns"].items():
        if fault := _column_fault(shape, dtype):
            raise CheckpointError(f"{path}: {dotted(('shapes', 'columns', name))}: {fault}; restore the file.")
    return manifest


def _column_fault(shape: list[int], dtype: str) -> str | None:
    """Why nothing can have rows of this shape and type; `None` if something can."""
    try:
        kind = np.dtype(dtype).kind
    except (TypeError, ValueError, SyntaxError):
        return "the name of no type"
    if kind not in "biuf":
        return "rows hold numbers or booleans"
    return None if math.prod(shape) <= _LARGEST_ROW else f"a row of more than {_LARGEST_ROW:,} numbers"
