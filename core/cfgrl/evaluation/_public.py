"""`cfgrl.evaluate`: a trained policy judged in any environment, without a data set or a run directory."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cfgrl._errors import ConfigError
from cfgrl.acting._policy import Policy
from cfgrl.data._dataset import Environment, StepResult
from cfgrl.evaluation._evaluate import play_all
from cfgrl.evaluation._judge import summarised


def evaluate(
    policy: Policy,
    make_environment: Callable[[], Any],
    *,
    weights: Sequence[float | int] | None = None,
    episodes: int = 20,
    tasks: Sequence[str] = ("task",),
    max_steps: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Play episodes at every guidance weight and report success and return with 95 % intervals.

        results = cfgrl.evaluate(policy, make_environment, weights=[1, 2, 3], episodes=20)
        results["results"][0]["success"], results["chosen"]["weight"]

    Episodes of different weights have the same environment seeds and the same noise. They are played in this process:
    an environment that ends or hangs it ends or hangs the evaluation (`cfgrl eval` plays in workers).

    **Arguments:**

    - `policy`: as `cfgrl.load` gives it, or `cfgrl.Policy(agent, state, data.spec)`.
    - `make_environment`: makes a `cfgrl.Environment`, or an environment with Gymnasium's `reset(seed=...)` and `step`.
      Of the latter `info["success"]` or `info["is_success"]` says whether a step solved the task, and an observation
      that is a dictionary holds `observation` and `desired_goal`; actions are carried from [-1, 1] to the bounds of
      its action space.
    - `weights`: guidance weights; the policy's own default if not given. Leave it out if the policy has no dial.
    - `episodes`: for each task and weight.
    - `tasks`: names that a `cfgrl.Environment` can be reset to.
    - `max_steps`: steps after which an episode is over, for environments without an end.
    - `seed`: decides environment seeds and noise.

    **Returns:** the record of `cfgrl eval --json`, less what belongs to a run directory. An episode whose environment
    raises has failed and is counted in `n_failed`. With a single agent, intervals cover episodes only.

    **Raises:** `ConfigError` for arguments that cannot work.
    """
    _check(policy, weights, episodes, tasks, max_steps)
    default = [float(stage.guidance.weight) for stage in policy.agent.stages if stage.guidance.weight is not None]
    dial = default[-1:] if weights is None else [float(weight) for weight in weights]
    judged = summarised(
        policy.agent,
        play_all,
        policy.state,
        lambda: _Limited(_adapted(make_environment()), max_steps),
        list(tasks),
        [0],
        weights=dial,
        episodes=episodes,
        seed=seed,
    )
    return judged.record


def _check(policy: Policy, weights: Any, episodes: int, tasks: Sequence[str], max_steps: int | None) -> None:
    if episodes < 1 or not tasks or (max_steps is not None and max_steps < 1):
        raise ConfigError("evaluate: episodes, tasks and max_steps must each be at least one.")
    if weights is None:
        return
    if not policy.agent.has_dial:
        raise ConfigError("evaluate: this policy has no guidance weight; leave `weights` out.")
    largest = float(np.finfo(np.float32).max)
    if not len(weights) or not all(abs(float(weight)) <= largest for weight in weights):
        raise ConfigError(f"evaluate: weights must be finite numbers, at least one of them, not {weights}.")


def _adapted(environment: Any) -> Environment:
    if isinstance(environment, Environment):
        return environment
    if not (hasattr(environment, "reset") and hasattr(environment, "step")):
        raise ConfigError(
            f"evaluate: make_environment gave {type(environment).__name__}, which is no cfgrl.Environment and has no "
            "reset and step."
        )
    return _Gymnasium(environment)


class _Gymnasium(Environment):
    """An environment with the methods of Gymnasium's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        del task
        return self._parts(self._inner.reset(seed=seed)[0])

    def step(self, action: np.ndarray) -> StepResult:
        observation, reward, terminated, truncated, info = self._inner.step(self._scaled(action))
        success = info.get("success", info.get("is_success"))
        solved = None if success is None else bool(success)
        return StepResult(self._parts(observation)[0], float(reward), bool(terminated or truncated), solved)

    def _scaled(self, action: np.ndarray) -> np.ndarray:
        """From [-1, 1] to the bounds of the action space, if it has any."""
        space = getattr(self._inner, "action_space", None)
        low, high = (np.asarray(getattr(space, name, np.nan), np.float32) for name in ("low", "high"))
        bounded = bool(np.isfinite(low).all() and np.isfinite(high).all())
        return low + (np.asarray(action, np.float32) + 1) / 2 * (high - low) if bounded else action

    def frame(self) -> np.ndarray | None:
        return self._inner.render() if getattr(self._inner, "render_mode", None) == "rgb_array" else None

    def close(self) -> None:
        if hasattr(self._inner, "close"):
            self._inner.close()

    def _parts(self, observation: Any) -> tuple[np.ndarray, np.ndarray | None]:
        if isinstance(observation, dict):
            return np.asarray(observation["observation"]), np.asarray(observation["desired_goal"])
        return np.asarray(observation), None


class _Limited(Environment):
    """Ends an episode after so many steps."""

    def __init__(self, inner: Environment, steps: int | None) -> None:
        self._inner, self._steps, self._left = inner, steps, steps

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        self._left = self._steps
        return self._inner.reset(task, seed)

    def step(self, action: np.ndarray) -> StepResult:
        found = self._inner.step(action)
        if self._left is None:
            return found
        self._left -= 1
        return found._replace(done=found.done or self._left == 0)

    def position(self) -> np.ndarray | None:
        return self._inner.position()

    def walls(self) -> np.ndarray | None:
        return self._inner.walls()

    def close(self) -> None:
        self._inner.close()
