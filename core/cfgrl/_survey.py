"""What is in a file of episodes, for a person to read: rows, episodes, ranges, and what is wrong with it."""

import pathlib
from typing import Any

import numpy as np

from cfgrl._check import inspect_arrays
from cfgrl._npz import read_npz


def survey(path: str | pathlib.Path) -> dict[str, Any]:
    """Look through an npz file of episodes.

    **Returns:** `file`, `bytes`, `rows`, `episodes`, `lengths` (`min`, `median`, `max` rows of an episode), `arrays`
    (for each `dtype`, `shape`, and the `min` and `max` of its finite values), `problems` (why the file cannot be
    learnt from; empty where it can) and `warnings`. Plain values, ready for JSON.

    **Raises:** `DataError` where the file cannot be read at all.
    """
    path = pathlib.Path(path)
    arrays = read_npz(path)
    findings = inspect_arrays(arrays)
    lengths = _episode_lengths(arrays.get("terminals"))
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "rows": max((array.shape[0] for array in arrays.values() if array.ndim), default=0),
        "episodes": len(lengths),
        "lengths": {
            name: int(of(lengths)) if len(lengths) else 0
            for name, of in (("min", np.min), ("median", np.median), ("max", np.max))
        },
        "arrays": {name: _describe(array) for name, array in arrays.items()},
        "problems": list(findings.errors),
        "warnings": list(findings.warnings),
    }


def format_survey(found: dict[str, Any]) -> str:
    """The survey as lines of text."""
    lengths = found["lengths"]
    each = f"{lengths['min']:,}"
    if lengths["min"] != lengths["max"]:
        each += f" to {lengths['max']:,} (median {lengths['median']:,})"
    lines = [
        f"{found['file']} ({found['bytes'] / 1e6:,.1f} MB)",
        f"  {found['rows']:,} rows, {found['episodes']:,} episode{'s' * (found['episodes'] != 1)} of {each} rows",
    ]
    for name, array in found["arrays"].items():
        shape = " × ".join(f"{size:,}" for size in array["shape"])
        span = "" if array["min"] is None else f"{array['min']:.4g} … {array['max']:.4g}"
        lines.append(f"  {name:<14}{array['dtype']:<9}{shape:<18}{span}")
    lines += [f"  warning: {warning}" for warning in found["warnings"]]
    lines += [f"  wrong: {problem}" for problem in found["problems"]] or ["  nothing wrong"]
    return "\n".join(lines)


def _episode_lengths(terminals: np.ndarray | None) -> np.ndarray:
    if terminals is None or terminals.ndim != 1:
        return np.zeros(0, int)
    return np.diff(np.flatnonzero(terminals), prepend=-1)


def _describe(array: np.ndarray) -> dict[str, Any]:
    finite = array
    if array.size and not np.isfinite((array.min(), array.max())).all():
        finite = array[np.isfinite(array)]
    low, high = (finite.min().item(), finite.max().item()) if finite.size else (None, None)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "min": low, "max": high}
