"""The tasks: dm_control's own, and those that ExORL adds to the same models by paying for something else.

Reference: ExORL's `custom_dmc_tasks` (github.com/denisyarats/exorl) for what its own tasks pay.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

_TARGETS = {
    "reach-top-left": (-0.09, 0.09, 0.001),
    "reach-top-right": (0.09, 0.09, 0.001),
    "reach-bottom-left": (-0.09, -0.09, 0.001),
    "reach-bottom-right": (0.09, -0.09, 0.001),
}
#: How near the hand must come (m), and how long an episode of the arm is (s).
_REACHED, _TIME = 0.05, 10.0


class _Paid(NamedTuple):
    """A task of ExORL's own: the suite's task with the same model, and what it pays instead.

    `reward` takes the physics and what the suite's task would pay.
    """

    base: str
    reward: Callable[[Any, float], float]


def open_task(domain: str, task: str) -> Any:
    """A new environment of dm_control for a task of `names.TASKS`; call it within `prepared`."""
    if domain == "jaco":
        return _open_reach(np.array(_TARGETS[task]))
    from dm_control import suite

    own = _OWN.get((domain, task))
    base = task.replace("-", "_") if own is None else own.base
    env = suite.load(domain, base, task_kwargs={"random": 0}, environment_kwargs={"flat_observation": True})
    if own is not None:
        before = env.task.get_reward
        env.task.get_reward = lambda physics: own.reward(physics, before(physics))
    return env


def _open_reach(target: np.ndarray) -> Any:
    """The arm that moves its hand to a fixed place, which its observations do not contain."""
    from dm_control import composer
    from dm_control.manipulation import reach

    task: Any = reach.reach_site_features()
    task.task_observables.pop("target_position")

    def reward(physics: Any) -> float:
        hand = physics.bind(task.hand.tool_center_point).xpos
        return _tolerance(float(np.linalg.norm(hand - target)), (0.0, _REACHED), margin=_REACHED)

    task.get_reward = reward
    return composer.Environment(task, time_limit=_TIME, random_state=0)


def _tolerance(value: float, bounds: tuple[float, float], **options: Any) -> float:
    from dm_control.utils import rewards

    return float(rewards.tolerance(value, bounds=bounds, **options))


def _at_least(value: float, bound: float, *, margin: float | None = None, floor: float = 0.0) -> float:
    """1 from `bound` on, falling linearly to `floor` where `value` is `margin` (`bound` if `None`) below it."""
    margin = bound if margin is None else margin
    return _tolerance(value, (bound, math.inf), margin=margin, value_at_margin=floor, sigmoid="linear")


def _spin(physics: Any) -> float:
    """Angular momentum of the body about the axis across the plane of motion (kg m²/s)."""
    return float(physics.named.data.subtree_angmom["torso"][1])


def _upright(physics: Any) -> float:
    return _at_least(float(physics.torso_upright()), 1.0, margin=2.0)


def _height(physics: Any) -> float:
    """Of the centre of mass (m)."""
    return float(physics.named.data.sensordata["center_of_mass"][2])


def _speed(physics: Any) -> float:
    """Of the torso in any direction (m/s)."""
    return float(np.linalg.norm(physics.torso_velocity()))


_OWN: Mapping[tuple[str, str], _Paid] = {
    ("walker", "flip"): _Paid("stand", lambda physics, stand: stand * (5 * _at_least(_spin(physics), 5.0) + 1) / 6),
    ("cheetah", "run-backward"): _Paid("run", lambda physics, _: _at_least(-float(physics.speed()), 10.0)),
    ("cheetah", "flip"): _Paid("run", lambda physics, _: _at_least(_spin(physics), 5.0)),
    ("cheetah", "flip-backward"): _Paid("run", lambda physics, _: _at_least(-_spin(physics), 5.0)),
    ("quadruped", "stand"): _Paid("walk", lambda physics, _: _upright(physics)),
    ("quadruped", "jump"): _Paid(
        "walk", lambda physics, _: _upright(physics) * _at_least(_height(physics), 1.0, floor=0.5)
    ),
    ("quadruped", "roll"): _Paid(
        "walk", lambda physics, _: _upright(physics) * _at_least(_speed(physics), 0.5, floor=0.5)
    ),
    ("quadruped", "roll-fast"): _Paid(
        "walk", lambda physics, _: _upright(physics) * _at_least(_speed(physics), 5.0, floor=0.5)
    ),
}
