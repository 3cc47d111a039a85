"""`cfgrl.evaluate`: a policy judged in an environment that a user hands over, against outcomes known by hand."""

import types
from typing import Any

import jax
import numpy as np
import pytest
from toys import small_agent, walk

import cfgrl
from cfgrl import ConfigError, Environment, Policy, StepResult


class Counting(Environment):
    """Solved at step `solved`, over at step 5; the reward is the number of the step."""

    def __init__(self, solved: int = 3) -> None:
        self.solved, self.step_number = solved, 0

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        self.step_number = 0
        return np.zeros(2, np.float32), np.ones(2, np.float32)

    def step(self, action: np.ndarray) -> StepResult:
        assert action.shape == (2,) and np.abs(action).max() <= 1
        self.step_number += 1
        over = self.step_number == 5
        return StepResult(np.zeros(2, np.float32), float(self.step_number), over, self.step_number == self.solved)


class Gymnasium:
    """The same with Gymnasium's methods; actions lie within [0, 10], and the largest seen is kept."""

    action_space = types.SimpleNamespace(low=np.zeros(2), high=np.full(2, 10.0))

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.seeds, self.largest = fails, [], 0.0

    def reset(self, *, seed: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        self.seeds.append(seed)
        self.steps = 0
        return {"observation": np.zeros(2), "desired_goal": np.ones(2)}, {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action.min() >= 0
        self.largest, self.steps = max(self.largest, float(action.max())), self.steps + 1
        if self.fails and self.steps == 2:
            raise RuntimeError("the motor is hot")
        observation = {"observation": np.zeros(2), "desired_goal": np.ones(2)}
        return observation, 2.0, False, self.steps == 4, {"is_success": self.steps == 4}


@pytest.fixture(scope="module")
def policy() -> Policy:
    agent, data = small_agent(hidden=(8,)), walk()
    return Policy(agent, cfgrl.train(agent, data, steps=2, key=jax.random.key(0)), data.spec)


def test_an_environment_of_a_user_is_judged(policy: Policy):
    record = cfgrl.evaluate(policy, Counting, weights=[2, 1], episodes=3)
    assert [result["weight"] for result in record["results"]] == [1.0, 2.0]
    for result in record["results"]:
        # The environment says when an episode is over: 1 + 2 + 3 + 4 + 5.
        assert result["success"] == 1.0 and result["return"] == 15.0 and result["episodes"] == 3
        assert result["n_failed"] == 0
    assert record["chosen"]["weight"] == 1.0 and any("episodes only" in note for note in record["notes"])


def test_steps_can_be_limited_and_the_weight_is_the_policys_own(policy: Policy):
    record = cfgrl.evaluate(policy, lambda: Counting(solved=4), episodes=2, max_steps=3, tasks=["a", "b"])
    (result,) = record["results"]
    assert result["weight"] == 3.0 and result["success"] == 0.0 and result["return"] == 6.0
    assert set(result["tasks"]) == {"a", "b"}


def test_an_environment_of_gymnasiums_form_is_judged(policy: Policy):
    made: list[Gymnasium] = []

    def make() -> Gymnasium:
        made.append(Gymnasium())
        return made[-1]

    record = cfgrl.evaluate(policy, make, weights=[0, 5], episodes=2, seed=7)
    for result in record["results"]:
        assert result["success"] == 1.0 and result["return"] == 8.0
    seeds = [seed for environment in made for seed in environment.seeds]
    assert sorted(seeds[:]) == sorted(2 * sorted(set(seeds))), "weights are paired by environment seed"
    assert 1.0 < max(environment.largest for environment in made) <= 10.0


def test_an_episode_that_raises_has_failed(policy: Policy):
    record = cfgrl.evaluate(policy, lambda: Gymnasium(fails=True), weights=[1], episodes=3)
    assert record["results"][0]["n_failed"] == 3 and record["results"][0]["success"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"episodes": 0}, "must each be at least one"),
        ({"tasks": []}, "must each be at least one"),
        ({"max_steps": 0}, "must each be at least one"),
        ({"weights": []}, "weights must be finite numbers"),
        ({"weights": [1e300]}, "weights must be finite numbers"),
        ({"weights": [float("nan")]}, "weights must be finite numbers"),
        ({"make_environment": lambda: 3}, "gave int, which is no cfgrl.Environment"),
    ],
)
def test_what_cannot_work_is_refused(policy: Policy, arguments: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        cfgrl.evaluate(policy, **{"make_environment": Counting, **arguments})
