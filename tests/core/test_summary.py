"""Evaluation statistics against independent computations, their coverage, and what they refuse."""

import json
import math

import numpy as np
import pytest

from cfgrl.evaluation._bootstrap import binomial_limit, interquartile_mean, interval, resample
from cfgrl.evaluation._summary import Outcome, summarise

RATES = {0.0: 0.05, 1.0: 0.5, 2.0: 0.65}


def make(seeds=(0, 1), tasks=("task1", "task2"), rates=None, episodes=20, key=0, **changes):
    """Paired binary episodes: one uniform number decides an episode at every weight."""
    rng = np.random.default_rng(key)
    outcomes = []
    for seed in seeds:
        for task in tasks:
            for env_seed in range(100, 100 + episodes):
                luck = rng.random()
                for weight, rate in (RATES if rates is None else rates).items():
                    success = float(luck < rate)
                    outcome = Outcome(seed, task, weight, env_seed, success, success - 1.0, 50, False)
                    outcomes.append(outcome._replace(**changes))
    return outcomes


def entry(summary, weight):
    return next(result for result in summary["results"] if result["weight"] == weight)


def test_means_are_those_of_a_plain_loop():
    outcomes = make(seeds=(0, 1, 2), tasks=("task1", "task2", "task10"))
    summary = summarise(outcomes)
    for result in summary["results"]:
        mine = [outcome for outcome in outcomes if outcome.weight == result["weight"]]
        assert result["success"] == pytest.approx(sum(outcome.success for outcome in mine) / len(mine))
        assert result["return"] == pytest.approx(sum(outcome.return_ for outcome in mine) / len(mine))
        assert result["episodes"] == len(mine) == 180
        for task, value in result["tasks"].items():
            assert value == pytest.approx(np.mean([outcome.success for outcome in mine if outcome.task == task]))
        for seed, value in result["by_seed"].items():
            assert value == pytest.approx(np.mean([outcome.success for outcome in mine if str(outcome.seed) == seed]))
    assert list(summary["results"][0]["tasks"]) == ["task1", "task2", "task10"]
    assert [result["weight"] for result in summary["results"]] == [0.0, 1.0, 2.0]


def slow_bootstrap(cells, rng, draws):
    """The same resampling written as loops over single episodes."""
    means = []
    for _ in range(draws):
        agents = rng.choice(len(cells), size=len(cells))
        total = [rng.choice(cell, size=len(cell)).mean() for agent in agents for cell in cells[agent]]
        means.append(np.mean(total))
    return np.quantile(means, [0.025, 0.975])


def test_interval_agrees_with_an_independent_bootstrap():
    outcomes = make(seeds=(0, 1, 2), rates={1.0: 0.4}, key=3)
    cells = [
        [np.array([o.success for o in outcomes if (o.seed, o.task) == (seed, task)]) for task in ("task1", "task2")]
        for seed in (0, 1, 2)
    ]
    expected = slow_bootstrap(cells, np.random.default_rng(1), 3000)
    np.testing.assert_allclose(summarise(outcomes)["results"][0]["success_ci"], expected, atol=0.02)


def test_one_seed_interval_is_the_binomial_one():
    """With one agent and one task the interval is that of a proportion: p ± 1.96 sqrt(p (1 - p) / n)."""
    outcomes = make(seeds=(4,), tasks=("only",), rates={1.0: 0.5}, episodes=400)
    result = summarise(outcomes)["results"][0]
    half = 1.96 * math.sqrt(result["success"] * (1 - result["success"]) / 400)
    np.testing.assert_allclose(result["success_ci"], [result["success"] - half, result["success"] + half], atol=0.006)
    assert any("episodes only" in note for note in summarise(outcomes)["notes"])


def test_differences_are_paired():
    """All of the episodes' luck is shared, so the difference is known far better than two independent means."""
    summary = summarise(make(seeds=(0,), rates={1.0: 0.5, 2.0: 0.55}, episodes=100, key=8))
    difference = next(row for row in summary["comparisons"] if row["weight"] == 2.0)
    low, high = entry(summary, 2.0)["success_ci"]
    assert difference["difference"] == pytest.approx(entry(summary, 2.0)["success"] - entry(summary, 1.0)["success"])
    assert difference["ci"][1] - difference["ci"][0] < 0.6 * (high - low)
    assert difference["ci"][0] <= difference["difference"] <= difference["ci"][1]


def test_comparisons_are_those_promised():
    pairs = [(row["weight"], row["against"]) for row in summarise(make())["comparisons"]]
    assert pairs == [(1.0, 0.0), (2.0, 1.0)]
    summary = summarise(make(rates={0.0: 0.1, 2.0: 0.5}))
    assert summary["comparisons"] == []
    assert any("w = 1 was not evaluated" in note for note in summary["notes"])


def covered(agents, spread, trials, rng):
    """How often the interval covers the true mean when agents' success rates are 0.5 ± spread (uniform)."""
    hits = 0
    for _ in range(trials):
        rates = 0.5 + spread * rng.uniform(-1, 1, size=agents)
        cells = [[rng.binomial(1, rate, size=(10, 1)).astype(float) for _ in range(3)] for rate in rates]
        low, high = interval(resample(cells, rng=rng, draws=400).mean((1, 2))[:, 0])
        hits += low <= 0.5 <= high
    return hits / trials


def test_coverage_is_what_the_notes_say():
    """About 95 % or more where agents are alike; well below with two agents that differ: so the note says."""
    rng = np.random.default_rng(0)
    assert covered(8, 0.0, 150, rng) >= 0.92
    assert covered(8, 0.3, 150, rng) >= 0.85
    assert 0.45 <= covered(2, 0.45, 150, rng) <= 0.9
    assert any("2 agent seeds" in note and "49 %" in note for note in summarise(make())["notes"])


def test_seeds_are_resampled_as_whole_agents():
    """Two agents, one perfect and one hopeless on all tasks: the interval must span both."""
    outcomes = [o._replace(success=float(o.seed == 0)) for o in make(rates={1.0: 0.5})]
    assert summarise(outcomes)["results"][0]["success_ci"] == [0.0, 1.0]


def test_cells_of_different_size_count_alike():
    outcomes = [o._replace(success=float(o.task == "task1")) for o in make(rates={1.0: 0.5})]
    fewer = [o for o in outcomes if o.task == "task1" or o.env_seed < 103]
    assert summarise(fewer)["results"][0]["success"] == pytest.approx(0.5)


def test_chosen_reports_episodes_that_did_not_choose():
    """w = 2 wins on the first half only; on the other half it never succeeds, and that is what is reported."""
    outcomes = [
        o._replace(success=float(o.weight == 2.0 and o.env_seed % 2 == 0)) for o in make(rates={1.0: 0.0, 2.0: 0.0})
    ]
    chosen = summarise(outcomes)["chosen"]
    assert (chosen["weight"], chosen["success"], chosen["success_ci"]) == (2.0, 0.0, [0.0, 0.0])
    assert "other half" in chosen["rule"]


def test_chosen_takes_the_smallest_weight_of_a_tie_and_says_when_it_cannot_choose():
    assert summarise(make(rates={0.0: 1.1, 1.0: 1.1, 2.0: 1.1}))["chosen"]["weight"] == 0.0
    chosen = summarise(make(episodes=1))["chosen"]
    assert chosen["weight"] is None and chosen["success"] is None and "two environment seeds" in chosen["rule"]


def test_without_a_dial():
    summary = summarise(make(rates={None: 0.5}))
    assert [result["weight"] for result in summary["results"]] == [None]
    assert summary["comparisons"] == []
    assert summary["chosen"]["success"] == summary["results"][0]["success"]
    assert "no dial" in summary["chosen"]["rule"]


def test_failed_episodes_count_as_no_success_and_are_counted():
    outcomes = make(seeds=(0,), tasks=("task1",), rates={1.0: 1.1}, episodes=10)
    outcomes[0] = outcomes[0]._replace(failed=True)
    outcomes[1] = outcomes[1]._replace(return_=math.nan)
    summary = summarise(outcomes)
    result = summary["results"][0]
    assert (result["n_failed"], result["success"], result["episodes"]) == (2, 0.8, 10)
    assert any("2 of 10 episodes failed" in note for note in summary["notes"])
    json.dumps(summary, allow_nan=False)


def test_returns_where_no_task_knows_success():
    outcomes = [o._replace(success=None, return_=100 * o.weight + o.env_seed) for o in make()]
    summary = summarise(outcomes)
    assert summary["measure"] == "return"
    assert summary["results"][0]["success"] is None and summary["results"][0]["success_ci"] is None
    assert entry(summary, 2.0)["tasks"]["task1"] == pytest.approx(309.5)
    assert summary["chosen"]["weight"] == 2.0 and summary["chosen"]["success"] is None
    assert summary["comparisons"][0]["difference"] == pytest.approx(100.0)
    json.dumps(summary, allow_nan=False)


def test_an_interval_without_width_is_explained():
    notes = summarise(make(rates={0.0: 0.0, 1.0: 0.5}))["notes"]
    assert any("w = 0 had no success" in note and "at most 0.045" in note for note in notes)
    # with probability 2.5 %, 80 episodes at this success rate would all fail
    assert (1 - binomial_limit(80)) ** 80 == pytest.approx(0.025)


def test_same_key_same_numbers_in_any_order():
    outcomes = make()
    assert summarise(outcomes, key=5) == summarise(outcomes[::-1], key=5)
    assert summarise(outcomes, key=5) != summarise(outcomes, key=6)


def test_interquartile_mean_drops_a_quarter_at_each_end():
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 99.0])) == 1.5
    assert entry(summarise(make(seeds=range(4))), 1.0)["iqm"] == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ([], "no episodes"),
        (make()[:-1], "not paired: agent seed 1, task 'task2', environment seed 119"),
        ([*make(), make()[0]], "the same one"),
        ([o for o in make() if (o.seed, o.task) != (1, "task2")], "Agent seed 1 has no episode of task 'task2'"),
    ],
)
def test_incomplete_tables_are_refused(outcomes, message):
    with pytest.raises(ValueError, match=message):
        summarise(outcomes)
