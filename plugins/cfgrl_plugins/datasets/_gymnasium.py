"""One Gymnasium environment behind `cfgrl.Environment`: flat observations, actions in [-1, 1].

    environment = GymnasiumEnvironment("Pendulum-v1", task="return")
    observation, goal = environment.reset("return", seed=0)

Only what is registered with Gymnasium on this machine is ever made; an address of code (`module:Name`) is refused.
"""

import contextlib
import difflib
import importlib
import importlib.util
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cfgrl import ConfigError, DataError, Environment, StepResult

from ._rendering import without_log
from ._spaces import ActionScale, Parts, describe, join, observation_fault

#: Distributions that register environments when they are imported, by the module to import.
_COLLECTIONS = {"gymnasium_robotics": "gymnasium-robotics"}
#: Where environments say that a task was solved.
_SUCCESS = ("success", "is_success")
#: Height and width of a picture.
_PICTURE = (192, 256)
#: What to call a task whose measure is the environment's own reward.
TASK = "return"


class GymnasiumEnvironment(Environment):
    """An environment that is registered with Gymnasium.

    Observations in parts are joined in alphabetical order; `observation`, `achieved_goal` and `desired_goal` become
    the observation and, from the last, the goal. Actions are clipped to [-1, 1] and carried to the action space's
    bounds. An episode is over when it terminated or was truncated, and `success` is what the environment says under
    `success` or `is_success`; `None` if it says nothing.

    **Arguments:**

    - `identifier`: the registered name, for instance `Pendulum-v1`.
    - `task`: what the only task is called.
    - `max_steps`: steps after which an episode is cut off; the registered number if `None`.
    - `options`: keyword arguments of the environment's own.

    Raises `ConfigError` for an unknown name or spaces that cannot be used, and `DataError` for a missing dependency.
    """

    def __init__(
        self,
        identifier: str,
        *,
        task: str = TASK,
        max_steps: int | None = None,
        options: Mapping[str, Any] | None = None,
    ):
        require_registered(identifier)
        limit = {} if max_steps is None else {"max_episode_steps": max_steps}
        with _answered(identifier):
            import gymnasium

            self._env: Any = gymnasium.make(identifier, disable_env_checker=True, **limit, **(options or {}))
        self._task, self._identifier = task, identifier
        #: The spaces of observations and actions in Minari's JSON format.
        self.spaces = describe(self._env.observation_space), describe(self._env.action_space)
        fault = observation_fault(self.spaces[0])
        if fault:
            raise ConfigError(f"{identifier} cannot be played: its observations {fault}.")
        scale = ActionScale.of(self.spaces[1])
        if isinstance(scale, str):
            raise ConfigError(f"{identifier} cannot be played: its actions {scale}.")
        self._scale, self._dtype = scale, self._env.action_space.dtype
        self._knows_success = False
        self._renderer: Any = None

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Start an episode; the seed decides all of its randomness. Raises `ConfigError` for an unknown task."""
        if task != self._task:
            raise ConfigError(f"There is no task {task!r} in {self._identifier}; the only task is {self._task}.")
        observation, _ = self._env.reset(seed=int(seed))
        parts = join(observation, rows=1)
        return _row(parts), None if parts.desired is None else np.asarray(parts.desired[0], np.float32)

    def step(self, action: np.ndarray) -> StepResult:
        """Apply an action in [-1, 1], of shape `(action,)`."""
        scaled = self._scale.from_unit(action).astype(self._dtype)
        observation, reward, terminated, truncated, info = self._env.step(scaled)
        said = next((info[name] for name in _SUCCESS if name in info), None)
        self._knows_success = self._knows_success or said is not None
        success = bool(said) if self._knows_success else None  # some name it only in the step that succeeds
        return StepResult(_row(join(observation, rows=1)), float(reward), bool(terminated or truncated), success)

    def frame(self) -> np.ndarray | None:
        """MuJoCo's picture, by the camera that follows where there is one; `None` for other simulators."""
        simulation = self._env.unwrapped
        model: Any
        model, data = getattr(simulation, "model", None), getattr(simulation, "data", None)
        if type(model).__name__ != "MjModel" or data is None:
            return None
        if self._renderer is None:
            import mujoco

            self._renderer = mujoco.Renderer(model, *_PICTURE)
        self._renderer.update_scene(data, camera=0 if model.ncam else -1)
        return self._renderer.render()

    def close(self) -> None:
        """Free the simulator."""
        if self._renderer is not None:
            self._renderer.close()
        self._env.close()


def _row(parts: Parts) -> np.ndarray:
    return np.asarray(parts.observation[0], np.float32)


def is_registered(identifier: str) -> bool:
    """Whether Gymnasium, or a known collection that is installed, has an environment of this name."""
    return identifier in _registry()


def require_registered(identifier: str) -> None:
    """Raise `ConfigError`, with the closest names, where Gymnasium has no environment of this name."""
    registry = _registry()
    if identifier in registry:
        return
    close = difflib.get_close_matches(identifier, registry, n=3)
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    missing = [name for module, name in _COLLECTIONS.items() if importlib.util.find_spec(module) is None]
    more = f" More come with {', '.join(missing)}, which is not installed." if missing else ""
    raise ConfigError(f"Gymnasium knows no environment {identifier!r} on this machine.{meant}{more}")


def _registry() -> Mapping[str, Any]:
    """What is registered, after the known collections had their say."""
    with _answered("gymnasium"):
        import gymnasium

        for module in _COLLECTIONS:
            if importlib.util.find_spec(module) is not None:
                gymnasium.register_envs(importlib.import_module(module))
    return gymnasium.registry


@contextlib.contextmanager
def _answered(identifier: str) -> Iterator[None]:
    """Silence what environments say while they are made, and answer in one sentence where one cannot be made."""
    try:
        with warnings.catch_warnings(), without_log():
            warnings.simplefilter("ignore")
            yield
    except (ConfigError, DataError):
        raise
    except TypeError as error:
        raise ConfigError(f"{identifier} cannot be made with these options ({_sentence(error)}).") from None
    except Exception as error:  # whatever an environment of strangers raises; some of it is no ImportError
        if isinstance(error, ImportError) or type(error).__name__ == "DependencyNotInstalled":
            raise DataError(f"{identifier} needs a package that is not installed ({_sentence(error)}).") from None
        raise DataError(f"{identifier} cannot be made: {type(error).__name__} ({_sentence(error)}).") from error


def _sentence(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
