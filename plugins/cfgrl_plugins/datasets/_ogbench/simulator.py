"""Opening OGBench's simulators without the traces they leave: warnings, temporary files, open descriptors."""

import contextlib
import inspect
import os
import pathlib
import tempfile
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._rendering import choose_renderer


def open_simulator(name: str, **options: Any) -> Any:
    """Make the Gymnasium environment `name` of OGBench, for instance `pointmaze-medium-v0`."""
    choose_renderer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gymnasium
        import ogbench.locomaze.maze as maze

        with _without_leftovers(maze):
            env = gymnasium.make(name, disable_env_checker=True, **options)
        _keep_action_space(env.unwrapped)
    return env


def single_task_name(environment: str, task: str) -> str:
    """The Gymnasium name of the environment that rewards one task, for instance `scene-singletask-task2-v0`."""
    return f"{environment.removesuffix('-v0')}-singletask-{task}-v0"


def _keep_action_space(simulation: Any) -> None:
    """Give the arm's environments one action space: theirs is a new one with a new seed at each use."""
    kind = type(simulation)
    if isinstance(inspect.getattr_static(simulation, "action_space"), property):
        simulation.__class__ = type(kind.__name__, (kind,), {"action_space": simulation.action_space})


@contextlib.contextmanager
def _without_leftovers(maze: Any) -> Iterator[None]:
    """Remove the file that OGBench writes a maze's XML to, and close its descriptor; the model is in memory by then."""
    made: list[tuple[int, str]] = []

    def mkstemp(*args: Any, **kwargs: Any) -> tuple[int, str]:
        made.append(tempfile.mkstemp(*args, **kwargs))
        return made[-1]

    original, maze.tempfile = maze.tempfile, types.SimpleNamespace(mkstemp=mkstemp)
    try:
        yield
    finally:
        maze.tempfile = original
        for descriptor, path in made:
            os.close(descriptor)
            pathlib.Path(path).unlink(missing_ok=True)


class GlobalRandom:
    """A state of NumPy's global generator that is in place only inside `with self.in_place()`.

    Two of them in one process do not disturb each other, nor the caller.

    **Arguments:**

    - `seed`: what the state starts from.
    """

    def __init__(self, seed: int):
        self._state: Any = np.random.MT19937(seed).state

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the global generator go on from this state, and give the caller's back, whatever happens."""
        outside = np.random.get_state(legacy=False)
        np.random.set_state(self._state)
        try:
            yield
        finally:
            self._state = np.random.get_state(legacy=False)
            np.random.set_state(outside)
