"""OGBench's published recipe for the arm: an oracle does one random task after another, with noise.

`play` follows a plan, noise included, that is made when a task begins; `noisy` looks at the state only, with noise on
each action that is as strong as the episode, and some actions at random. The oracles are the package's own.

Reference: Park et al., OGBench: Benchmarking Offline Goal-Conditioned RL, 2025, and the repository's
`data_gen_scripts/generate_manipspace.py` and `commands.sh`.
"""

import copy
import dataclasses
import importlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .names import VISUAL
from .recipe import Maker, Recipe, row_type, seeded
from .simulator import open_simulator

#: Cubes, buttons, and what slides (a drawer and a window).
_OBJECTS = {
    "cube-single-v0": (1, 0, 0),
    "cube-double-v0": (2, 0, 0),
    "cube-triple-v0": (3, 0, 0),
    "cube-quadruple-v0": (4, 0, 0),
    "scene-v0": (1, 2, 2),
    "puzzle-3x3-v0": (0, 9, 0),
    "puzzle-4x4-v0": (0, 16, 0),
    "puzzle-4x5-v0": (0, 20, 0),
    "puzzle-4x6-v0": (0, 24, 0),
}
_EPISODES = {"cube-triple-v0": 3000, "cube-quadruple-v0": 5000, "puzzle-4x5-v0": 3000, "puzzle-4x6-v0": 5000}
#: An episode's probability of stacking is drawn between these; nothing can be stacked where there are fewer cubes.
_STACKING = {
    "cube-single-v0": (0.0, 0.0),
    "cube-double-v0": (0.0, 0.25),
    "cube-triple-v0": (0.05, 0.35),
    "cube-quadruple-v0": (0.1, 0.5),
}
#: What there is to be done in each family; an oracle each.
_ORACLES = {"cube": ("cube",), "scene": ("cube", "button", "drawer", "window"), "puzzle": ("button",)}
#: Types of what an environment remembers of its state, besides the simulator's model and data.
_PLAIN = (np.ndarray, np.generic, bool, int, float, str)
#: Noise on x, y, z, yaw and gripper, in multiples of an episode's.
_NOISE_SCALE = np.array((1.0, 1.0, 1.0, 3.0, 10.0))


@dataclasses.dataclass(frozen=True)
class ManipulationRecipe(Recipe):
    """How one data set of the arm is made.

    **Arguments:**

    - `environment`, `kind`, `episodes`, `rows`: as in `Recipe`; `kind` is `play` or `noisy`.
    - `noise`: `play`: noise on the plan; `noisy`: the largest noise on actions, of which each episode draws a part.
    - `noise_smoothing`: `play`: width, in steps, of the Gaussian that smooths the plan's noise.
    - `min_norm`: `noisy`: shortest way (m) that the oracle asks for.
    - `random_actions`: `noisy`: probability that an action is uniformly random.
    - `stacking_low`, `stacking_high`: range of an episode's probability that a cube's target is on another cube.
    """

    packages: ClassVar[tuple[str, ...]] = (*Recipe.packages, "scipy", "dm_control")

    noise: float = 0.1
    noise_smoothing: float = 0.5
    min_norm: float = 0.4
    random_actions: float = 0.0
    stacking_low: float = 0.5
    stacking_high: float = 0.5

    @property
    def family(self) -> str:
        """The family: `cube`, `scene` or `puzzle`."""
        return self._states.split("-")[0]

    @property
    def _states(self) -> str:
        """The environment with states for observations, of which a camera changes nothing."""
        return self.environment.removeprefix(VISUAL)

    @property
    def row(self) -> np.dtype:
        cubes, buttons, slides = _OBJECTS[self._states]
        rest = buttons + slides
        seen = self.environment.startswith(VISUAL)
        return row_type(
            observation=None if seen else 19 + 9 * cubes + 4 * buttons + 2 * slides,
            action=5,
            qpos=14 + 7 * cubes + rest,
            qvel=14 + 6 * cubes + rest,
            buttons=buttons,
        )

    def maker(self) -> "Player":
        return Player(self)


def published_recipe(environment: str, kind: str) -> ManipulationRecipe:
    """The numbers that OGBench published."""
    states = environment.removeprefix(VISUAL)
    low, high = _STACKING.get(states, (0.5, 0.5))
    recipe = ManipulationRecipe(
        environment, kind, _EPISODES.get(states, 1000), 1001, stacking_low=low, stacking_high=high
    )
    if kind == "play":
        return recipe
    return dataclasses.replace(recipe, random_actions=0.2 if recipe.family == "puzzle" else 0.1)


class Player(Maker):
    """The oracles at their table; one episode at a time."""

    def __init__(self, recipe: ManipulationRecipe):
        self._recipe = recipe
        options = {"mode": "data_collection", "terminate_at_goal": False}
        self._simulation = open_simulator(recipe.environment, **options).unwrapped
        self._simulation.reset(seed=0)
        kept = (*_PLAIN, type(self._simulation.model))
        self._fresh = copy.deepcopy({name: it for name, it in vars(self._simulation).items() if isinstance(it, kept)})

    def episode(self, seed: Sequence[int]) -> np.ndarray:
        attempt = 0
        rows = self._attempt((*seed, attempt))
        while self._recipe.family == "scene" and not is_healthy(rows["qpos"]):
            attempt += 1
            rows = self._attempt((*seed, attempt))
        return rows

    def _attempt(self, seed: Sequence[int]) -> np.ndarray:
        recipe, simulation = self._recipe, self._simulation
        rng = self._begin(seed)
        observation, info = simulation.reset(seed=int(rng.integers(2**31)))
        stacking = float(rng.uniform(recipe.stacking_low, recipe.stacking_high))
        noise = float(rng.uniform(0.0, recipe.noise)) if recipe.kind == "noisy" else 0.0
        oracles = self._oracles()
        oracle = oracles[info["privileged/target_task"]]
        oracle.reset(observation, info)
        states = [name for name in ("qpos", "qvel", "button_states") if f"prev_{name}" in info]
        rows = np.empty(recipe.rows, recipe.row)
        for row in rows:
            if rng.random() < recipe.random_actions:
                action = simulation.action_space.sample()
            else:
                action = oracle.select_action(observation, info) + rng.normal(0.0, noise * _NOISE_SCALE)
            action = np.clip(action, -1.0, 1.0)
            following, _, _, _, info = simulation.step(action)
            row["observations"], row["actions"] = observation, action
            for name in states:
                row[name] = info[f"prev_{name}"]
            observation = following
            if oracle.done:
                # As published, the oracle's next action still looks at `info` from before the new target.
                seen, about = simulation.set_new_target(p_stack=stacking)
                oracle = oracles[about["privileged/target_task"]]
                oracle.reset(seen, about)
        return rows

    def _oracles(self) -> dict[str, Any]:
        recipe = self._recipe
        if recipe.kind == "play":
            return open_oracles(
                self._simulation, recipe.family, "plan", noise=recipe.noise, noise_smoothing=recipe.noise_smoothing
            )
        return open_oracles(self._simulation, recipe.family, "markov", min_norm=recipe.min_norm)

    def _begin(self, seed: Sequence[int]) -> np.random.Generator:
        """Forget former episodes, in the simulator and in all generators of random numbers that OGBench draws from."""
        rng = seeded(seed)
        simulation = self._simulation
        simulation.action_space.seed(int(rng.integers(2**31)))
        vars(simulation).update(copy.deepcopy(self._fresh))
        simulation._data = type(simulation.data)(simulation._model)
        if simulation._renderer is not None:  # it draws the model that it was made for, and makes itself anew
            simulation._renderer.close()
            simulation._renderer = None
        return rng


def open_oracles(simulation: Any, family: str, style: str, **options: float) -> dict[str, Any]:
    """An oracle for each task that the environment may set.

    **Arguments:**

    - `simulation`: the environment, in its mode `data_collection`.
    - `family`: `cube`, `scene` or `puzzle`.
    - `style`: `plan` follows a plan that is made beforehand; `markov` looks at the state only.
    - `options`: settings of the style, the same for each oracle.

    **Returns:** oracles by the name that `info["privileged/target_task"]` gives.
    """
    found = {}
    for task in _ORACLES[family]:
        module = importlib.import_module(f"ogbench.manipspace.oracles.{style}.{task}_{style}")
        extra: dict[str, Any] = {}
        if family == "puzzle":
            extra["gripper_always_closed"] = True
        elif (family, style, task) == ("scene", "markov", "cube"):
            extra["max_step"] = 100
        found[task] = getattr(module, f"{task.title()}{style.title()}Oracle")(env=simulation, **options, **extra)
    return found


def is_healthy(qpos: np.ndarray) -> bool:
    """Whether the scene's cube stayed where it can be seen or in the drawer; `qpos` has shape `(rows, 25)`, in metres.

    OGBench draws other episodes again: in a picture of a goal the cube would be missing.
    """
    y, z = qpos[:, 15], qpos[:, 16]
    too_far_right = y >= 0.29
    beside_the_drawer = (y <= -0.3) & ((z < 0.06) | (z > 0.08))
    return not (too_far_right | beside_the_drawer).any()
