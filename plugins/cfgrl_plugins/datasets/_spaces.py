"""Spaces of observations and actions as plain JSON, as Minari stores those of Gymnasium.

The rows of a file and the observations of an environment go through the same functions here, so that a policy acts
on what it was trained on.

    space = describe(env.observation_space)      # or json.loads(metadata["observation_space"])
    parts = join(observations, rows=1001)        # parts.observation has shape (1001, observation)
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

#: The parts of an observation that names a goal, as in Gymnasium-Robotics.
GOAL_PARTS = frozenset({"observation", "achieved_goal", "desired_goal"})


class Parts(NamedTuple):
    """What observations say.

    `observation` has shape `(rows, observation)`. Where they name a goal, `achieved` is what the state looks like as a
    goal and `desired` is the goal, both of shape `(rows, goal)`; otherwise both are `None`.
    """

    observation: np.ndarray
    achieved: np.ndarray | None
    desired: np.ndarray | None


def describe(space: Any) -> dict[str, Any]:
    """Gymnasium's `space` in Minari's JSON format; kinds that are refused anyway keep their name only."""
    kind = type(space).__name__
    if kind == "Dict":
        return {"type": kind, "subspaces": {name: describe(part) for name, part in space.spaces.items()}}
    if kind == "Box":
        low, high = space.low.tolist(), space.high.tolist()
        return {"type": kind, "dtype": str(space.dtype), "shape": list(space.shape), "low": low, "high": high}
    return {"type": kind}


def observation_fault(space: Mapping[str, Any]) -> str | None:
    """Why observations of `space` cannot be used, to follow "its observations"; `None` if they can."""
    kind = space["type"]
    if kind == "Dict":
        named = sorted(space["subspaces"].items())
        faults = (f"have a part {name!r}, and such parts {fault}" for name, part in named if (fault := _fault(part)))
        return next(faults, None if named else "have no parts")
    return _fault(space)


def _fault(space: Mapping[str, Any]) -> str | None:
    if space["type"] == "Dict":
        return observation_fault(space)
    if space["type"] != "Box":
        return f"are {space['type']}: only Box, and Dict of Box, can be made rows of numbers"
    if space["dtype"] == "uint8" and len(space["shape"]) > 1:
        return "are pictures, which are not supported here"
    return None


def names_goal(space: Mapping[str, Any]) -> bool:
    """Whether the observations of `space` consist of an observation, an achieved and a desired goal."""
    return space["type"] == "Dict" and space["subspaces"].keys() == GOAL_PARTS


def shapes(space: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[int, ...]]:
    """The shape of each part by its path, for instance `/achieved_goal`; that of a plain space by `""`."""
    if space["type"] == "Dict":
        found = [shapes(part, f"{prefix}/{name}") for name, part in sorted(space["subspaces"].items())]
        return {path: shape for part in found for path, shape in part.items()}
    return {prefix: tuple(space["shape"])}


def join(observations: Any, *, rows: int) -> Parts:
    """Reshape observations of `rows` time steps to rows.

    **Arguments:**

    - `observations`: an array `(rows, ...)`, or such arrays by name, in levels where there are any. Parts are joined
      in alphabetical order of their names, each flattened. `observation`, `achieved_goal` and `desired_goal`, where
      they are all that there is, stay apart.
    - `rows`: how many; with 1 the leading axis may be missing.

    **Returns:** the parts in the types that they have.
    """
    if isinstance(observations, Mapping) and observations.keys() == GOAL_PARTS:
        return Parts(*(_flat(observations[name], rows) for name in ("observation", "achieved_goal", "desired_goal")))
    return Parts(_flat(observations, rows), None, None)


def _flat(value: Any, rows: int) -> np.ndarray:
    if isinstance(value, Mapping):
        return np.concatenate([_flat(value[name], rows) for name in sorted(value)], axis=1)
    value = np.asarray(value)
    return value.reshape(rows, value.size // rows)


@dataclasses.dataclass(frozen=True)
class ActionScale:
    """Carries actions between the bounds of an environment and [-1, 1], in which policies act.

    **Arguments:**

    - `low`, `high`: the bounds of each number of an action, finite and `low < high`.
    - `shape`: the environment's own shape of an action.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    shape: tuple[int, ...]

    @staticmethod
    def of(space: Mapping[str, Any]) -> "ActionScale | str":
        """The scale of an action space, or why there is none, to follow "its actions"."""
        if space["type"] != "Box":
            return f"are {space['type']}: only Box actions (real numbers) can be generated"
        shape = tuple(space["shape"])
        try:
            bounds = [np.asarray(space[name], np.float64).reshape(-1) for name in ("low", "high")]
        except (ValueError, TypeError):
            return "have bounds that are no numbers"
        low, high = (tuple(float(number) for number in bound) for bound in bounds)
        if len(low) != math.prod(shape) or len(high) != len(low) or not low:
            return f"have shape {shape}, but {len(low)} lower and {len(high)} upper bounds"
        for i, (least, most) in enumerate(zip(low, high, strict=True)):
            if not (math.isfinite(least) and math.isfinite(most) and least < most):
                return f"lie between {least} and {most} in column {i}: [-1, 1] can only be mapped to finite bounds"
        return ActionScale(low, high, shape)

    @property
    def identity(self) -> bool:
        """Whether the bounds already are [-1, 1]."""
        return set(self.low) == {-1.0} and set(self.high) == {1.0}

    def to_unit(self, actions: np.ndarray) -> np.ndarray:
        """Carry actions `(rows, action)` of the environment to [-1, 1]; those that already are stay as they are."""
        if self.identity:
            return actions
        low, high = np.array(self.low), np.array(self.high)
        return (2 * (actions - low) / (high - low) - 1).astype(np.float32)

    def from_unit(self, action: np.ndarray) -> np.ndarray:
        """Carry actions `(..., action)`, clipped to [-1, 1], to the environment's bounds and shape."""
        action = np.clip(np.asarray(action, np.float64), -1.0, 1.0)
        if not self.identity:
            low, high = np.array(self.low), np.array(self.high)
            action = np.clip(low + (action + 1) / 2 * (high - low), low, high)
        return action.reshape(*action.shape[:-1], *self.shape)
