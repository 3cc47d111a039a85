"""The episodes of a Minari file as rows: T + 1 observations, T actions, rewards and endings."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cfgrl import DataError, read_hdf5

from .._rows import require_finite, require_shape, require_unit, with_last
from .._spaces import join, shapes
from .metadata import Metadata

#: Bytes that an episode's group and arrays take in a file at least, whatever they hold.
_EPISODE = 500
_STEPS = ("actions", "rewards", "terminations", "truncations")


def read_episodes(path: pathlib.Path, about: Metadata, *, clip: bool) -> list[dict[str, np.ndarray]]:
    """Read all episodes.

    **Arguments:**

    - `path`: the file `main_data.hdf5`.
    - `about`: what `metadata.json` says of it.
    - `clip`: whether actions beyond the environment's bounds are clipped; otherwise they are an error.

    **Returns:** for each episode its rows: `observations`, `actions` in [-1, 1], `rewards`, `masks`, which are 0 where
    the episode terminated, and `goals` where observations name goals.

    **Raises:** `DataError` naming the file, the array and the row.
    """
    if about.episodes * _EPISODE > path.stat().st_size:  # before millions of names are looked for
        raise DataError(f"{path} is too small for the {about.episodes:,} episodes that metadata.json counts.")
    parts = shapes(about.observations)
    names = (*_STEPS, *(f"observations{part}" for part in parts))
    arrays = read_hdf5(path, keys={f"episode_{i}/{name}" for i in range(about.episodes) for name in names})
    return [_episode(_Members(arrays, path, f"episode_{i}"), about, clip) for i in range(about.episodes)]


class _Members:
    """The arrays of one episode; an error names the file and the array."""

    def __init__(self, arrays: Mapping[str, np.ndarray], path: pathlib.Path, episode: str):
        self._arrays, self._path, self._episode = arrays, path, episode

    def where(self, name: str) -> str:
        return f"{self._path}: {self._episode}/{name}"

    def take(self, name: str, shape: tuple[int, ...] | None = None, why: str = "") -> np.ndarray:
        array = self._arrays.get(f"{self._episode}/{name}")
        if array is None:
            raise DataError(f"{self.where(name)} is missing.")
        if shape is not None:
            require_shape(array, shape, self.where(name), why)
            require_finite(array, self.where(name))
        return array


def _episode(members: _Members, about: Metadata, clip: bool) -> dict[str, np.ndarray]:
    steps = members.take("rewards").size
    if steps == 0:
        raise DataError(f"{members.where('rewards')} is empty: an episode needs a transition.")
    why = f"{steps} rewards and metadata.json ask for"
    actions = members.take("actions", (steps, *about.scale.shape), why).reshape(steps, -1)
    actions = np.asarray(about.scale.to_unit(actions), np.float32)
    if clip:
        actions = np.clip(actions, -1, 1)
    require_unit(actions, members.where("actions"), "dataset.clip_actions=true clips such actions")
    rewards, ended, cut = (members.take(name, (steps,), why) for name in ("rewards", "terminations", "truncations"))
    del cut  # running out of time ends the rows of an episode, and nothing else: what followed is to be valued
    observed = {
        part: members.take(f"observations{part}", (steps + 1, *shape), why)
        for part, shape in shapes(about.observations).items()
    }
    joined = join(_nested(observed), rows=steps + 1)
    rows = {
        "observations": joined.observation.astype(np.float32),
        "actions": with_last(actions, 0.0),
        "rewards": with_last(rewards.astype(np.float32), 0.0),
        "masks": with_last((ended == 0).astype(np.float32), 1.0),
    }
    return rows if joined.achieved is None else {**rows, "goals": joined.achieved.astype(np.float32)}


def _nested(observed: Mapping[str, np.ndarray]) -> Any:
    """Arrays by path (`/a/b`) as dictionaries within dictionaries; the one array of a plain space as it is."""
    if observed.keys() == {""}:
        return observed[""]
    tree: dict[str, Any] = {}
    for path, array in observed.items():
        *levels, name = path.removeprefix("/").split("/")
        below = tree
        for level in levels:
            below = below.setdefault(level, {})
        below[name] = array
    return tree
