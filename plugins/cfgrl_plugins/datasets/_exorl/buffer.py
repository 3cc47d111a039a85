"""ExORL's buffers: a folder of episodes, one npz file each.

A file holds T + 1 rows of `observation`, `action`, `discount` and `physics` (the state of the simulator), and the
action of a row is the one that led *to* it, so that the first one is a filler. Here an action belongs to the row that
it is taken in: everything but observations moves up by one.
"""

import hashlib
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from cfgrl import DataError, read_npz

from .. import _files
from .._rows import require_finite, require_shape, require_unit, with_last
from .names import Name
from .rewards import Cache, Progress, Rewards, Widths

#: Any word, the number of the episode, its transitions: `episode_000042_1000.npz`.
_FILE = re.compile(r"[^_]+_(\d+)_(\d+)\.npz")
_MAX_BYTES = 1 << 28


def find(name: Name, directory: pathlib.Path) -> pathlib.Path | None:
    """The folder of the episodes: `DOMAIN/ALGORITHM/buffer` below `directory`, or `directory` itself."""
    for place in (directory / name.domain / name.algorithm / "buffer", directory / "buffer", directory):
        if place.is_dir() and any(_FILE.fullmatch(path.name) for path in place.glob("*.npz")):
            return place
    return None


def episodes(folder: pathlib.Path, count: int | None) -> list[pathlib.Path]:
    """The first `count` episodes (all if `None`) by their numbers. Raises `DataError` if there are fewer."""
    numbered = [(int(match[1]), path) for path in folder.glob("*.npz") if (match := _FILE.fullmatch(path.name))]
    paths = [path for _, path in sorted(numbered)]
    if count is not None and count > len(paths):
        raise DataError(f"{folder} holds {len(paths):,} episodes, not the {count:,} of dataset.episodes.")
    return paths[:count]


def describe(folder: pathlib.Path, paths: Sequence[pathlib.Path]) -> dict[str, Any]:
    """The episodes as one file for a record: the SHA-256 is that of the list of their names and digests."""
    listed = "".join(f"{_files.digest(path)}  {path.name}\n" for path in paths)
    size = sum(path.stat().st_size for path in paths)
    digest = hashlib.sha256(listed.encode()).hexdigest()
    return {"path": str(folder), "bytes": size, "sha256": digest, "episodes": len(paths)}


def read(name: Name, paths: Sequence[pathlib.Path], cache: Cache) -> list[dict[str, np.ndarray]]:
    """Read episodes and compute their rewards, unless those are known.

    **Arguments:**

    - `name`: the data set.
    - `paths`: its files.
    - `cache`: where rewards are kept.

    **Returns:** for each episode its rows: `observations`, `actions`, `rewards`, `masks`.

    **Raises:** `DataError` naming the file, the array and the row.
    """
    compute = Rewards(name)
    try:
        known, progress = cache.read(), Progress("computing rewards", len(paths))
        loaded = []
        for number, path in enumerate(paths):
            loaded.append(_episode(path, compute, with_rewards=known is None))
            progress.show(number)
    finally:
        compute.close()
    ends = np.cumsum([len(episode["observations"]) - 1 for episode in loaded])
    if known is None:
        cache.write(np.concatenate([episode["rewards"][:-1] for episode in loaded]))
    elif known.shape != (ends[-1],):  # nobody but this class writes there: a file of that name is not what it says
        raise DataError(f"The cached rewards of {paths[0].parent} are those of other files: empty the cache folder.")
    else:
        for episode, rewards in zip(loaded, np.split(known, ends[:-1]), strict=True):
            episode["rewards"] = with_last(rewards, 0.0)
    return loaded


def _episode(path: pathlib.Path, compute: Rewards, *, with_rewards: bool) -> dict[str, np.ndarray]:
    arrays = _arrays(path, compute.widths, with_physics=with_rewards)
    actions = arrays["action"][1:].astype(np.float32)
    require_unit(actions, f"{path}: action", "those of ExORL are not")
    rows = {
        "observations": arrays["observation"].astype(np.float32),
        "actions": with_last(actions, 0.0),
        "masks": with_last((arrays["discount"][1:, 0] != 0).astype(np.float32), 1.0),
    }
    if with_rewards:
        rewards = compute(arrays["physics"][1:], actions, f"{path}: physics")
        rows["rewards"] = with_last(rewards, 0.0)
    return rows


def _arrays(path: pathlib.Path, widths: Widths, *, with_physics: bool) -> dict[str, np.ndarray]:
    """The arrays of one file, of the widths of the domain, and finite."""
    expected = {"observation": widths.observation, "action": widths.action, "discount": 1}
    if with_physics:
        expected["physics"] = widths.physics
    arrays = read_npz(path, keys=expected, max_bytes=_MAX_BYTES)
    match = _FILE.fullmatch(path.name)
    assert match is not None  # that is how the file was found
    steps = int(match[2])
    if steps == 0:
        raise DataError(f"{path} has no transition, says its name.")
    for array, width in expected.items():
        if array not in arrays:
            raise DataError(f"{path} has no array {array}: it is no episode of ExORL.")
        where = f"{path}: {array}"
        require_shape(arrays[array], (steps + 1, width), where, "the file's name and the task ask for")
        require_finite(arrays[array], where)
    return arrays
