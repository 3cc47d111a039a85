"""One OGBench environment whose randomness is the seed given to `reset` and nothing else.

OGBench draws starts, goals and teleports from NumPy's *global* generator, and stabilising actions from the action
space's own. Each environment here keeps a separate global state, which is in place only while OGBench runs: two
environments in one process do not disturb each other, nor the caller.
"""

import numpy as np

from cfgrl import ConfigError, Environment, StepResult

from .names import TASKS
from .simulator import GlobalRandom, open_simulator, single_task_name

#: Farther from a teleporter than this (m), no agent reaches it in one step, so that no step draws at random.
_TELEPORT_REACH = 4.0


class OGBenchEnvironment(Environment):
    """The environment of an OGBench data set; goals are oracle representations.

    With `task` it is the single-task form: no goal, rewards from OGBench's own environment of that task, which judges
    reward and success by the state *before* the step, so that an episode ends one step after the task is solved.

    **Arguments:**

    - `name`: the environment's name in Gymnasium, for instance `pointmaze-medium-v0`.
    - `task`: the only task, for instance `task2`; `None` for all five, with goals.
    """

    def __init__(self, name: str, task: str | None = None):
        self._tasks = TASKS if task is None else (task,)
        self._has_goals = task is None
        if task is None:
            self._env = open_simulator(name, use_oracle_rep=True)
        else:
            self._env = open_simulator(single_task_name(name, task))
        self._simulation = self._env.unwrapped
        self._maze = getattr(self._simulation, "maze_map", None)
        teleports = getattr(self._simulation, "_teleport_info", None)
        self._teleports = [] if teleports is None else [tuple(xy) for xy in teleports["teleport_in_xys"]]
        self._random = GlobalRandom(0)

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Start an episode of `task`; the seed decides start, goal, and all that follows."""
        if task not in self._tasks:
            known = (
                f"the tasks are {', '.join(self._tasks)}" if self._has_goals else f"the only task is {self._tasks[0]}"
            )
            raise ConfigError(f"There is no task {task!r}; {known}.")
        self._random = GlobalRandom(seed)
        self._env.action_space.seed(seed)
        with self._random.in_place():
            observation, info = self._env.reset(seed=seed, options={"task_id": TASKS.index(task) + 1})
        return _seen(observation), np.asarray(info["goal"], np.float32) if self._has_goals else None

    def step(self, action: np.ndarray) -> StepResult:
        """Apply an action, clipped to [-1, 1]."""
        action = np.minimum(np.maximum(action, -1.0), 1.0)
        if self._near_teleport():
            with self._random.in_place():
                result = self._env.step(action)
        else:
            result = self._env.step(action)
        observation, reward, terminated, truncated, info = result
        success = bool(info["success"])
        return StepResult(_seen(observation), float(reward), bool(terminated or truncated), success)

    def position(self) -> np.ndarray | None:
        """The agent's x and y in metres; `None` on a table."""
        return None if self._maze is None else np.array(self._simulation.data.qpos[:2])

    def walls(self) -> np.ndarray | None:
        """The maze's blocks, `(x, y, width, height)` in metres with the lower left corner; `None` on a table."""
        if self._maze is None:
            return None
        size = self._simulation._maze_unit
        rows = []
        for i, j in np.argwhere(self._maze == 1):
            x, y = self._simulation.ij_to_xy((i, j))
            rows.append((x - size / 2, y - size / 2, size, size))
        return np.array(rows, np.float64)

    def frame(self) -> np.ndarray | None:
        """A table seen by its camera; `None` in a maze, whose floor plan says more."""
        return None if self._maze is not None else np.asarray(self._simulation.render(), np.uint8)

    def close(self) -> None:
        """Free the simulator."""
        self._env.close()

    def _near_teleport(self) -> bool:
        if not self._teleports:
            return False
        x, y = self._simulation.data.qpos[:2]
        return any(abs(x - u) < _TELEPORT_REACH and abs(y - v) < _TELEPORT_REACH for u, v in self._teleports)


def _seen(observation: np.ndarray) -> np.ndarray:
    """Images as bytes, states as 32-bit floats."""
    return np.asarray(observation, np.uint8 if observation.dtype == np.uint8 else np.float32)
