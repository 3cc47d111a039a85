"""Tasks that know a return and no success: nothing is called a success or a failure to reach anything."""

import jax
import numpy as np
import pytest
from run_fixture import make_evaluation, make_metrics, make_rollouts, write_run
from toys import small_agent, walk

from cfgrl import Environment, StepResult, init
from cfgrl.evaluation._evaluate import plan, play_all
from cfgrl.evaluation._summary import summarise
from cfgrl.report import load_runs, write_figures, write_report


class Paying(Environment):
    """Three steps, each paid by the weight of its first action; some episodes cannot even begin."""

    def __init__(self, broken: frozenset[int] = frozenset()):
        self.broken = broken

    def reset(self, task: str, seed: int):
        self.steps, self.dead = 0, seed in self.broken
        return np.zeros(2, np.float32), np.zeros(2, np.float32)

    def step(self, action: np.ndarray) -> StepResult:
        if self.dead:
            raise RuntimeError("broken at once")
        self.steps += 1
        return StepResult(np.zeros(2, np.float32), float(action[0]), self.steps == 3, None)


@pytest.fixture(scope="module")
def trained():
    agent = small_agent()
    return agent, init(agent, walk(), key=jax.random.split(jax.random.key(0), 2))


@pytest.mark.parametrize("broken", [0, 1, 3])
def test_episodes_that_fail_at_once_do_not_make_it_a_matter_of_success(trained, broken: int):
    episodes = plan(2, ["task"], [0.0, 1.0, 2.0], 4, seed=0)
    seeds = frozenset(sorted({episode.env_seed for episode in episodes})[:broken])
    outcomes, _ = play_all(*trained, lambda: Paying(seeds), episodes, pool=4)
    summary = summarise(outcomes)
    assert summary["measure"] == "return"
    assert [result["n_failed"] for result in summary["results"]] == [2 * broken] * 3
    assert all(result["success"] is None for result in summary["results"])
    assert summary["chosen"]["return"] is not None and "mean return" in summary["chosen"]["rule"]
    assert len(summary["comparisons"]) == 2


def test_the_report_does_not_say_that_a_goal_was_missed(tmp_path):
    rollouts = make_rollouts(walls=False)
    for rollout in rollouts["rollouts"]:
        rollout |= {"success": None, "goal": None}
    evaluations = [make_evaluation(returns=True)]
    run = write_run(tmp_path / "run", metrics=make_metrics(), evaluations=evaluations, rollouts=rollouts)
    page = write_report([run]).read_text()
    assert "not reached," not in page and "reached in" not in page
    assert "Return against w" in page and "Mean return" in page
    names = {path.name for path in write_figures(load_runs([run]), tmp_path / "figures")}
    assert {"return-against-w.png", "return-by-task.png", "return-differences.png", "rollouts.png"} <= names
