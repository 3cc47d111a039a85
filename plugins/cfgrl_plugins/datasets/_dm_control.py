"""One dm_control task behind `cfgrl.Environment`: flat observations, actions in [-1, 1], the seed decides all.

dm_control lists MuJoCo's arrays as they were when it was released, and fails on those that MuJoCo has dropped since;
`prepared` takes those names off its list.
"""

import contextlib
import importlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cfgrl import ConfigError, DataError, Environment, StepResult

from ._rendering import choose_renderer
from ._spaces import ActionScale


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Import dm_control, make and reset its environments within this, without what they say of models from before."""
    choose_renderer()
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _forget_dropped_arrays()
            yield
    except ImportError as error:
        raise DataError(f"dm_control cannot be used on this machine ({error}).") from None
    finally:
        logger.setLevel(level)


def _forget_dropped_arrays() -> None:
    from dm_control.mujoco.wrapper.mjbindings import sizes

    mujoco: Any = importlib.import_module("mujoco")
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    for table, example in (("mjmodel", model), ("mjdata", mujoco.MjData(model))):
        for name in [name for name in sizes.array_sizes[table] if not hasattr(example, name)]:
            del sizes.array_sizes[table][name]


def flat(observation: Any) -> np.ndarray:
    """The parts of an observation in dm_control's own order as one row, float32."""
    return np.concatenate([np.ravel(part) for part in observation.values()]).astype(np.float32)


def action_scale(env: Any) -> ActionScale:
    """Between [-1, 1] and the bounds of the task's actuators."""
    spec = env.action_spec()
    return ActionScale(tuple(spec.minimum.tolist()), tuple(spec.maximum.tolist()), tuple(spec.shape))


class DmControlEnvironment(Environment):
    """A task of dm_control. It knows its reward and no success; an episode is over when its time is.

    **Arguments:**

    - `open_env`: makes dm_control's environment.
    - `task`: what the task is called.
    """

    def __init__(self, open_env: Callable[[], Any], task: str):
        with prepared():
            self._env = open_env()
        self._scale, self._task = action_scale(self._env), task

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, None]:
        """Start an episode; the seed decides its first state. Raises `ConfigError` for an unknown task."""
        if task != self._task:
            raise ConfigError(f"There is no task {task!r}; the only task is {self._task}.")
        with prepared():
            reseed(self._env, seed)
            return flat(self._env.reset().observation), None

    def step(self, action: np.ndarray) -> StepResult:
        """Apply an action, clipped to [-1, 1], for one control step."""
        now = self._env.step(self._scale.from_unit(action))
        return StepResult(flat(now.observation), float(now.reward), bool(now.last()), None)

    def frame(self) -> np.ndarray:
        """The task's first camera, 192 by 256 pixels."""
        with prepared():
            return self._env.physics.render(192, 256, camera_id=0)

    def close(self) -> None:
        """Free the simulator."""
        self._env.close()


def reseed(env: Any, seed: int) -> None:
    """Let `seed`, of any size, decide all that `env` draws from now on."""
    state = np.random.SeedSequence(seed).generate_state(8)
    generator = env.random_state if hasattr(env, "random_state") else env.task.random
    generator.seed(state)
