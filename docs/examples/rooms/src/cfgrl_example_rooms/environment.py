"""The environment: reach a place within a number of steps, in the same room or in the other one."""

import numpy as np

from cfgrl import ConfigError, Environment, StepResult

from .plan import WALLS, move

#: Start and goal of each task; both are moved by up to `JITTER` along each axis, as the seed decides.
TASKS = {
    "left": ((-1.7, -0.7), (-0.5, 0.6)),
    "right": ((0.5, 0.6), (1.7, -0.7)),
    "through": ((-1.2, -0.6), (1.2, -0.6)),
    "back": ((1.6, -0.6), (-1.4, -0.2)),
}
JITTER = 0.15
#: A goal is reached within this distance, in metres, and has to be within this number of steps.
REACHED, STEPS = 0.15, 100


class RoomsEnvironment(Environment):
    """A point with a velocity in two rooms. The reward is 0 where the goal is reached and −1 elsewhere."""

    def __init__(self) -> None:
        self._position = self._velocity = self._goal = np.zeros(2)
        self._step = 0

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Start an episode of `task`. Raises `ConfigError` for an unknown task."""
        if task not in TASKS:
            raise ConfigError(f"There is no task {task!r}; the tasks are {', '.join(TASKS)}.")
        jitter = np.random.default_rng(seed).uniform(-JITTER, JITTER, (2, 2))
        self._position, self._goal = np.array(TASKS[task]) + jitter
        self._velocity = np.zeros(2)
        self._step = 0
        return self._observation(), self._goal.astype(np.float32)

    def step(self, action: np.ndarray) -> StepResult:
        """Push the point; the episode is over when the goal is reached, or after 100 steps."""
        self._position, self._velocity = move(self._position, self._velocity, np.asarray(action, np.float64))
        self._step += 1
        success = bool(np.linalg.norm(self._position - self._goal) < REACHED)
        return StepResult(self._observation(), float(success) - 1.0, success or self._step >= STEPS, success)

    def position(self) -> np.ndarray:
        """Where the point is, in metres."""
        return self._position.copy()

    def walls(self) -> np.ndarray:
        """The walls as rectangles."""
        return WALLS.copy()

    def _observation(self) -> np.ndarray:
        return np.concatenate([self._position, self._velocity]).astype(np.float32)
