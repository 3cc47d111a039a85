"""`Slot`: one environment, and the episode that is played in it; whatever the environment does counts as it must.

An episode fails where its environment raises or answers a number that is not finite. The environment is then not
trusted again: the next episode begins with making another one, and fails where that cannot be made. No jax here.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cfgrl.data._dataset import Environment
from cfgrl.evaluation._heartbeat import Heartbeat
from cfgrl.evaluation._outcomes import Outcome

#: What an environment may raise. `sys.exit` in a simulator ends its episode, not the evaluation.
FAULTS = (Exception, SystemExit)


class Episode(NamedTuple):
    """One episode to play; `seed` is the position of the agent seed in the stacked state."""

    seed: int
    task: str
    weight: float | None
    env_seed: int


class Rollout(NamedTuple):
    """Where the agent went in one episode, for pictures: `positions` are `(x, y)`, one more than steps."""

    episode: Episode
    success: float | None
    goal: list[float] | None
    positions: list[list[float]]


class Slot:
    """Plays one episode after another.

    **Arguments:**

    - `make`: makes an environment.
    - `heartbeat`: is told before each call of an environment.
    - `shapes`: of observations and goals, once known; shared by all slots, whose rows make one batch.
    """

    def __init__(self, make: Callable[[], Environment], heartbeat: Heartbeat, shapes: dict[str, tuple[int, ...]]):
        self._make, self._pulse, self._shapes = make, heartbeat, shapes
        self._environment: Environment | None = None
        self.episode: Episode | None = None
        self.observation: np.ndarray | None = None
        self.goal: np.ndarray | None = None

    def furnish(self) -> None:
        """Make the environment before the first episode, where a constructor that raises is a set-up that is wrong."""
        self._pulse.beat(making=True)
        self._environment = self._make()

    def start(self, number: int, episode: Episode, record: bool) -> None:
        """Begin an episode; `number` is what the heartbeat calls it, `record` whether positions are kept."""
        self._number, self.episode = number, episode
        self.total, self.length, self.failed = 0.0, 0, False
        self.success: float | None = 0.0
        self.positions: list[list[float]] | None = [] if record else None
        self.observation, self.goal = None, None
        try:
            if self._environment is None:
                self._pulse.beat(number, making=True)
                self._environment = self._make()
            self._pulse.beat(number)
            observation, goal = self._environment.reset(episode.task, episode.env_seed)
            self.observation = self._checked("observation", observation)
            self.goal = None if goal is None else self._checked("goal", goal)
            self._note_position()
        except FAULTS:
            self._fail()

    def step(self, action: Float[np.ndarray, " action"]) -> bool:
        """Apply an action; returns whether the episode is over."""
        if self.failed or self._environment is None or self.observation is None:
            return True
        self._pulse.beat(self._number)
        try:
            observation, reward, done, success = self._environment.step(action)
            observation = self._checked("observation", observation)
            total, over = _real(self.total + float(reward)), bool(done)
            reached = None if success is None else max(self.success or 0.0, _real(float(success)))
            self._note_position()
        except FAULTS:
            self._fail()
            return True
        self.observation, self.total, self.success, self.length = observation, total, reached, self.length + 1
        return over

    def outcome(self) -> Outcome:
        """What came of the episode."""
        assert self.episode is not None
        success = self.success if self.success is None or not self.failed else 0.0
        return Outcome(*self.episode, success, self.total, self.length, self.failed)

    def rollout(self) -> list[Rollout]:
        """Where the agent went, where that was recorded."""
        if not self.positions or self.episode is None:
            return []
        goal = None if self.goal is None else [round(float(x), 3) for x in np.ravel(self.goal)[:2]]
        return [Rollout(self.episode, self.outcome().success, goal, self.positions)]

    def close(self) -> None:
        """Free the environment; one that cannot be freed changes nothing that was measured."""
        environment, self._environment = self._environment, None
        if environment is not None:
            with contextlib.suppress(*FAULTS):
                environment.close()

    def _checked(self, what: str, values: Any) -> np.ndarray:
        array = _finite(values)
        if array.shape != self._shapes.setdefault(what, array.shape):
            raise ValueError(f"the environment answered a {what} of another shape")
        return array

    def _note_position(self) -> None:
        if self.positions is None or self._environment is None:
            return
        position = self._environment.position()
        if position is not None:
            self.positions.append([round(_real(float(x)), 3) for x in position])

    def _fail(self) -> None:
        self.failed, self.observation = True, None
        self.close()


def _finite(values: Any) -> np.ndarray:
    """An array as the agent will see it. Raises where a number is not finite, or not within 32 bits."""
    array = np.asarray(values)
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise FloatingPointError("the environment answered a number that is not finite")
    return array


def _real(value: float) -> float:
    """The number itself. Raises where it is not finite."""
    if not math.isfinite(value):
        raise FloatingPointError("the environment answered a number that is not finite")
    return value
