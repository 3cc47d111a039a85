"""Reading a Minari data set without trusting it: `metadata.json` as plain JSON, and the episodes as rows.

Minari itself makes the environment of a data set by the address of code that the file gives. Here an environment is
offered only if Gymnasium knows its name on this machine and its options are plain text and numbers.
"""

import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from cfgrl import DataError, read_hdf5

from ._gymnasium import is_registered
from ._rows import require_finite, require_shape, require_unit, with_last
from ._spaces import ActionScale, join, observation_fault, shapes

_MAX_BYTES = 64 << 20
_MAX_EPISODES = 1_000_000
#: A word among an environment's options; a path to a file is none.
_WORD = re.compile(r"[A-Za-z0-9_ -]*")
#: Bytes that an episode's group and arrays take in a file at least, whatever they hold.
_EPISODE = 500
_STEPS = ("actions", "rewards", "terminations", "truncations")


class Played(NamedTuple):
    """An environment to be judged in: its registered name, the steps of an episode, and its own options."""

    identifier: str
    max_steps: int | None
    options: dict[str, Any]


class Metadata(NamedTuple):
    """What is known of a data set: its episodes, its spaces in Minari's JSON form, and its environment."""

    episodes: int
    observations: dict[str, Any]
    actions: dict[str, Any]
    scale: ActionScale
    played: Played | None


def read_metadata(path: pathlib.Path) -> Metadata:
    """Read and check `metadata.json`. Raises `DataError` naming the file and the key."""
    said = _read(path)
    episodes = said.get("total_episodes")
    if not isinstance(episodes, int) or not 0 < episodes <= _MAX_EPISODES:
        raise DataError(f"{path}: total_episodes is {episodes!r}; it must be a number from 1 to {_MAX_EPISODES:,}.")
    if said.get("data_format", "hdf5") != "hdf5":
        raise DataError(f"{path}: data_format is {said['data_format']!r}; only hdf5 is read.")
    observations, actions = (_space(said, key, path) for key in ("observation_space", "action_space"))
    fault = observation_fault(observations)
    if fault:
        raise DataError(f"{path}: observation_space cannot be used: its observations {fault}.")
    scale = ActionScale.of(actions)
    if isinstance(scale, str):
        raise DataError(f"{path}: action_space cannot be used: its actions {scale}.")
    return Metadata(episodes, observations, actions, scale, _played(said))


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path} is larger than {_MAX_BYTES >> 20} MiB: it is no description of a data set.")
        said = json.loads(path.read_text())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON ({error}): fetch or make the data set again.") from None
    if not isinstance(said, dict):
        raise DataError(f"{path} holds no JSON object: fetch or make the data set again.")
    return said


def _space(said: Mapping[str, Any], key: str, path: pathlib.Path) -> dict[str, Any]:
    """A space, which Minari keeps as JSON within JSON."""
    if key not in said:
        raise DataError(f"{path} has no {key}: what the rows of the data set mean cannot be known.")
    try:
        space = json.loads(said[key]) if isinstance(said[key], str) else said[key]
        _check_space(space)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{path}: {key} is no space in Minari's form ({error}).") from None
    return space


def _check_space(space: Any) -> None:
    """Raise `ValueError` if a space is not in Minari's format."""
    if not isinstance(space, dict) or not isinstance(space.get("type"), str):
        raise ValueError("no type")
    if space["type"] == "Dict":
        if not isinstance(space.get("subspaces"), dict):
            raise ValueError("a Dict without subspaces")
        for name, part in space["subspaces"].items():
            if not name or "/" in name or name.startswith("."):
                raise ValueError(f"a part called {name!r}")
            _check_space(part)
    if space["type"] == "Box":
        shape = space.get("shape")
        if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
            raise ValueError(f"a Box of shape {shape!r}")
        if not isinstance(space.get("dtype"), str) or not {"low", "high"} <= space.keys():
            raise ValueError("a Box without dtype and bounds")


def _played(said: Mapping[str, Any]) -> Played | None:
    """The environment for evaluation, or the one of the data; `None` if it cannot be made safely or at all."""
    text = said.get("eval_env_spec") or said.get("env_spec")
    try:
        spec = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(spec, dict) or not isinstance(spec.get("id"), str) or spec.get("additional_wrappers"):
        return None
    options, steps = spec.get("kwargs") or {}, spec.get("max_episode_steps")
    if not isinstance(options, dict) or not _harmless(list(options.values())) or not is_registered(spec["id"]):
        return None
    return Played(spec["id"], steps if type(steps) is int and steps > 0 else None, options)


def _harmless(value: Any) -> bool:
    """Numbers, plain text and lists of them; no path to a file that an environment would open."""
    if isinstance(value, list):
        return all(_harmless(item) for item in value)
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and bool(_WORD.fullmatch(value)))


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
