"""Gymnasium's environments behind the adapter: spaces, scaling, seeds, endings, and what is refused."""

import pathlib
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from cfgrl import ConfigError, DataError
from cfgrl_plugins.datasets import _gymnasium
from cfgrl_plugins.datasets._gymnasium import GymnasiumEnvironment
from cfgrl_plugins.datasets._spaces import ActionScale, describe, join, names_goal, observation_fault, shapes

UNIT = spaces.Box(-1.0, 1.0, (2,))


class Toy(gymnasium.Env):
    """Answers with what it was told: the action it received is the observation after a step."""

    def __init__(self, observations: spaces.Space, actions: spaces.Space = UNIT, ends: str = "", says: str = ""):
        self.observation_space, self.action_space = observations, actions
        self._ends, self._says, self.steps = ends, says, 0

    def reset(self, *, seed: int | None = None, options: Any = None):
        super().reset(seed=seed)
        self.steps = 0
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: np.ndarray):
        self.steps += 1
        assert self.action_space.contains(action), action
        observation = self.observation_space.sample()
        if isinstance(observation, np.ndarray) and observation.shape == action.shape:
            observation = action.astype(np.float64)
        info = {self._says: self.steps == 2} if self._says and self.steps >= 2 else {}
        over = self.steps == 3
        return observation, 0.5 * self.steps, over and self._ends == "terminated", over and self._ends == "cut", info


@pytest.fixture
def register(request: pytest.FixtureRequest):
    """Register a toy for the length of a test."""

    def add(**options: Any) -> str:
        name = f"Toy{len(gymnasium.registry)}-v0"
        gymnasium.register(name, entry_point=lambda **more: Toy(**options, **more), max_episode_steps=5)
        request.addfinalizer(lambda: gymnasium.registry.pop(name))
        return name

    return add


BOX = spaces.Box(-10.0, 10.0, (2,), np.float64)


def test_a_real_environment_plays_by_seed() -> None:
    environment = GymnasiumEnvironment("Pendulum-v1", task="swing")

    def play(seed: int) -> list[np.ndarray]:
        observation, goal = environment.reset("swing", seed)
        assert goal is None and observation.shape == (3,) and observation.dtype == np.float32
        rng = np.random.default_rng(seed)
        return [observation, *(environment.step(rng.uniform(-1, 1, 1)).observation for _ in range(20))]

    np.testing.assert_array_equal(play(3), play(3))
    assert not np.array_equal(play(3)[0], play(4)[0])
    with pytest.raises(ConfigError, match="no task 'walk' in Pendulum-v1; the only task is swing"):
        environment.reset("walk", 0)
    environment.close()


def test_the_scaled_action_moves_the_real_environment_as_its_own_action_does() -> None:
    """Pendulum's torque lies within [-2, 2]: half of [-1, 1] is a torque of 1."""
    ours, theirs = GymnasiumEnvironment("Pendulum-v1", task="t"), gymnasium.make("Pendulum-v1")
    observation, _ = ours.reset("t", 11)
    expected, _ = theirs.reset(seed=11)
    np.testing.assert_array_equal(observation, expected)
    for action in (0.5, -1.0, 0.25, 3.0):
        torque = np.array([2 * np.clip(action, -1, 1)], np.float32)
        expected, reward, *_ = theirs.step(torque)
        result = ours.step(np.array([action]))
        np.testing.assert_array_equal(result.observation, expected)
        assert result.reward == reward and result.success is None and not result.done
    ours.close()
    theirs.close()


def test_actions_reach_their_bounds_and_shape(register: Any) -> None:
    low, high = np.array([-1.0, 2.0], np.float32), np.array([1.0, 6.0], np.float32)
    environment = GymnasiumEnvironment(register(observations=BOX, actions=spaces.Box(low, high)), task="t")
    environment.reset("t", 0)
    for action, reached in (((-1.0, -1.0), (-1.0, 2.0)), ((0.5, 0.5), (0.5, 5.0)), ((9.0, 9.0), (1.0, 6.0))):
        np.testing.assert_array_equal(environment.step(np.array(action)).observation, reached)
    unit = GymnasiumEnvironment(register(observations=BOX), task="t")
    unit.reset("t", 0)
    np.testing.assert_array_equal(unit.step(np.array([0.3, -7.0])).observation, np.float32([0.3, -1.0]))
    table = GymnasiumEnvironment(register(observations=BOX, actions=spaces.Box(0.0, 1.0, (2, 3))), task="t")
    table.reset("t", 0)
    table.step(np.zeros(6))  # the toy asserts that its space contains the action


@pytest.mark.parametrize(("ends", "last"), [("terminated", 3), ("cut", 3), ("", 5)])
def test_an_episode_is_over_when_it_ends_or_is_cut_off(register: Any, ends: str, last: int) -> None:
    environment = GymnasiumEnvironment(register(observations=BOX, ends=ends), task="t")
    environment.reset("t", 0)
    done = [environment.step(np.zeros(2)).done for _ in range(last)]
    assert done == [False] * (last - 1) + [True]


def test_max_steps_and_options_are_handed_over(register: Any) -> None:
    environment = GymnasiumEnvironment(register(observations=BOX), task="t", max_steps=2, options={"ends": ""})
    environment.reset("t", 0)
    assert [environment.step(np.zeros(2)).done for _ in range(2)] == [False, True]
    with pytest.raises(ConfigError, match="cannot be made with these options .*bogus"):
        GymnasiumEnvironment(register(observations=BOX), task="t", options={"bogus": 1})


@pytest.mark.parametrize("says", ["success", "is_success"])
def test_success_is_what_the_environment_says(register: Any, says: str) -> None:
    environment = GymnasiumEnvironment(register(observations=BOX, says=says), task="t")
    environment.reset("t", 0)
    assert [environment.step(np.zeros(2)).success for _ in range(3)] == [None, True, False]


def test_parts_are_joined_in_alphabetical_order_and_goals_stay_apart(register: Any) -> None:
    parts = spaces.Dict({"b": spaces.Box(0.0, 1.0, (2, 2)), "a": spaces.Dict({"z": spaces.Box(2.0, 3.0, (1,))})})
    environment = GymnasiumEnvironment(register(observations=parts), task="t")
    observation, goal = environment.reset("t", 0)
    assert goal is None and observation.shape == (5,)
    assert observation[0] >= 2 and (observation[1:] <= 1).all()
    joined = spaces.Dict(
        {
            "observation": spaces.Box(5.0, 6.0, (3,)),
            "desired_goal": spaces.Box(7.0, 8.0, (2,)),
            "achieved_goal": spaces.Box(9.0, 10.0, (2,)),
        }
    )
    environment = GymnasiumEnvironment(register(observations=joined), task="t")
    observation, goal = environment.reset("t", 0)
    assert goal is not None and goal.shape == (2,) and (goal >= 7).all() and (goal <= 8).all()
    assert observation.shape == (3,) and (observation <= 6).all()
    assert names_goal(describe(joined)) and not names_goal(describe(parts))
    assert shapes(describe(parts)) == {"/a/z": (1,), "/b": (2, 2)}
    rows = join({"b": np.arange(8).reshape(2, 2, 2), "a": {"z": np.array([8, 9])}}, rows=2)
    np.testing.assert_array_equal(rows.observation, [[8, 0, 1, 2, 3], [9, 4, 5, 6, 7]])


@pytest.mark.parametrize(
    ("observations", "actions", "says"),
    [
        (spaces.Discrete(3), UNIT, "its observations are Discrete: only Box"),
        (spaces.Tuple([BOX, BOX]), UNIT, "its observations are Tuple"),
        (spaces.Dict({"a": BOX, "b": spaces.Discrete(2)}), UNIT, "have a part 'b', and such parts are Discrete"),
        (spaces.Box(0, 255, (64, 64, 3), np.uint8), UNIT, "its observations are pictures"),
        (BOX, spaces.Discrete(3), "its actions are Discrete: only Box"),
        (BOX, spaces.Box(-np.inf, np.inf, (2,)), "its actions lie between -inf and inf in column 0"),
    ],
)
def test_spaces_that_cannot_be_used_are_refused(register: Any, observations: Any, actions: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        GymnasiumEnvironment(register(observations=observations, actions=actions), task="t")


def test_an_unknown_name_gets_the_closest_and_an_address_of_code_is_not_followed() -> None:
    with pytest.raises(ConfigError, match="no environment 'Pendulun-v1' on this machine. Did you mean Pendulum-v1"):
        GymnasiumEnvironment("Pendulun-v1", task="t")
    with pytest.raises(ConfigError, match="gymnasium-robotics, which is not installed"):
        GymnasiumEnvironment("AdroitHandDoor-v1", task="t")
    for name in ("antigravity:Fly-v0", "Pendulum"):
        with pytest.raises(ConfigError, match="knows no environment"):
            GymnasiumEnvironment(name, task="t")
    import sys

    assert "antigravity" not in sys.modules


def test_a_missing_dependency_is_named(request: pytest.FixtureRequest) -> None:
    def entry(**options: Any) -> Any:
        raise gymnasium.error.DependencyNotInstalled("boxes is not installed,\n  run `pip install boxes`.")

    def imports(**options: Any) -> Any:
        import absent_of_course  # noqa: F401  # pyright: ignore[reportMissingImports]

    for name, make in (("Needs-v0", entry), ("Imports-v0", imports)):
        gymnasium.register(name, entry_point=make)
        request.addfinalizer(lambda name=name: gymnasium.registry.pop(name))
    with pytest.raises(DataError, match="Needs-v0 needs a package that is not installed .boxes is not installed, run"):
        GymnasiumEnvironment("Needs-v0", task="t")
    with pytest.raises(DataError, match="Imports-v0 needs a package .*absent_of_course"):
        GymnasiumEnvironment("Imports-v0", task="t")


def test_a_simulator_leaves_nothing_behind(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """This model's deprecated attribute makes MuJoCo write a log into the working directory."""
    monkeypatch.chdir(tmp_path)
    environment = GymnasiumEnvironment("HalfCheetah-v5", task="t", max_steps=3)
    observation, _ = environment.reset("t", 0)
    assert observation.shape == (17,)
    assert [environment.step(np.zeros(6)).done for _ in range(3)] == [False, False, True]
    environment.close()
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr() == ("", "")


def test_scaling_goes_there_and_back() -> None:
    space = {"type": "Box", "dtype": "float32", "shape": [2], "low": [0.0, -3.0], "high": [1.0, 5.0]}
    scale = ActionScale.of(space)
    assert isinstance(scale, ActionScale) and not scale.identity
    actions = np.array([[0.0, 5.0], [0.25, 1.0], [1.0, -3.0]], np.float32)
    unit = scale.to_unit(actions)
    np.testing.assert_array_equal(unit, np.float32([[-1, 1], [-0.5, 0], [1, -1]]))
    np.testing.assert_array_equal([scale.from_unit(row) for row in unit], actions)
    assert observation_fault({"type": "Dict", "subspaces": {}}) == "have no parts"
    assert isinstance(ActionScale.of({**space, "low": [0.0]}), str)
    assert _gymnasium.is_registered("Pendulum-v1") and not _gymnasium.is_registered("Pendulum-v9")
