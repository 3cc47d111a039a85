"""What the guidance weight costs, against Gaussians in closed form; and the command that measures it."""

import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from childruns import TINY, cfgrl
from scipy import stats
from toys import walk

from cfgrl import Agent, FieldPolicy, Stage, View, init
from cfgrl.acting._dial_cost import Cost, densities, dial_cost
from cfgrl.cli._main import main
from cfgrl.evaluation._dial_summary import summarise_costs
from cfgrl.report import format_density
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals

MEANS, STDS = (0.0, 0.4), (0.6, 0.45)
TRACES = []


class Normal(FieldPolicy):
    """In the plane, both components from one Gaussian: the field is (mean, log std) wherever it is asked, which is what
    guidance then mixes. The mean of π_1 is the context's first number where `told`; no density beyond `cut`.
    """

    told: bool = False
    cut: float = math.inf

    provides = frozenset({"field", "log-prob"})

    def init(self, observation, target, condition, *, key):
        del observation, condition, key
        return jnp.zeros(target.shape)

    def loss(self, net, observation, target, condition, *, key):
        raise NotImplementedError  # nothing here is trained

    def sample(self, net, observation, condition, *, key):
        return self.integrate(net, self.field(net, observation, condition), key=key)

    def field(self, net, observation, condition):
        del net, observation
        mean = condition.context[0] if self.told else MEANS[1]
        law = jnp.stack([jnp.asarray(mean, jnp.float32), jnp.log(STDS[1])])
        if condition.context is not None:
            law = jnp.where(condition.context_known, law, jnp.array([MEANS[0], np.log(STDS[0])], jnp.float32))
        return lambda x, t: law

    def integrate(self, net, field, *, key):
        mean, log_std = field(net, jnp.float32(0.0))
        return mean + jnp.exp(log_std) * jax.random.normal(key, net.shape)

    def field_log_prob(self, net, field, target):
        TRACES.append(target.shape)
        mean, log_std = field(net, jnp.float32(0.0))
        value = jnp.sum(jax.scipy.stats.norm.logpdf(target, mean, jnp.exp(log_std)))
        return jnp.where(target[0] > self.cut, jnp.nan, value)

    def denoise(self, prediction, x, t):
        raise NotImplementedError  # nothing here is trained

    def tilt(self, prediction, x, t, score):
        raise NotImplementedError  # nothing here is trained


def measured(policy, weights, *, guidance=None, labeler=None, view=None, rows=8, samples=4000, key=0):
    stage = Stage(labeler or Goals(), policy, guidance or CFG())
    agent, data = Agent(stage, view or View()), walk()
    state = init(agent, data, key=jax.random.key(0))
    index = data.transitions[:rows]
    found = dial_cost(agent, state, data, index, weights, key=jax.random.key(key), samples=samples)
    return found, agent.view.bind(state.view, data).take(jnp.asarray(index)), (agent, state, data, index)


@pytest.fixture(scope="module")
def gaussians():
    return measured(Normal(), [0.0, 1.0, 2.0])


def law(weight: float):
    """π_w as classifier-free guidance of these fields samples it, in one component."""
    log_stds = np.log(STDS)
    return stats.norm(MEANS[0] + weight * (MEANS[1] - MEANS[0]), np.exp(log_stds[0] + weight * np.diff(log_stds)[0]))


GRID = np.linspace(-6, 6, 20_001)
LOG_RATIO = law(1.0).logpdf(GRID) - law(0.0).logpdf(GRID)


def mean_of(values: np.ndarray, density: np.ndarray) -> float:
    return float(np.sum(values * density) / np.sum(density))


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.0])
def test_entropies_divergences_and_tilts_of_gaussians(gaussians, weight: float):
    found, seen, _ = gaussians
    mean = {name: float(np.mean(rows)) for name, rows in found[weight].values.items()}
    own, density = law(weight), law(weight).pdf(GRID)
    kl = 2 * mean_of(own.logpdf(GRID) - law(0.0).logpdf(GRID), density)
    assert mean["entropy"] == pytest.approx(2 * own.entropy(), abs=0.02)
    assert mean["kl"] == pytest.approx(kl, abs=0.03)
    assert mean["cross_entropy"] == pytest.approx(2 * own.entropy() + kl, abs=0.03)
    assert mean["tilt"] == pytest.approx(2 * mean_of(LOG_RATIO, density), abs=0.03)
    exact = law(0.0).pdf(GRID) * np.exp(weight * LOG_RATIO)
    assert mean["tilt_promised"] == pytest.approx(2 * mean_of(LOG_RATIO, exact), abs=0.04)
    powers = [mean_of(np.exp(k * weight * LOG_RATIO), law(0.0).pdf(GRID)) ** 2 for k in (1, 2)]
    assert mean["effective"] == pytest.approx(powers[0] ** 2 / powers[1], abs=0.03)
    assert mean["clipped"] == pytest.approx(1 - (own.cdf(1) - own.cdf(-1)) ** 2, abs=0.01)
    boxed = np.clip(GRID, -1, 1)
    spread = 2 * (mean_of(boxed**2, density) - mean_of(boxed, density) ** 2)
    assert mean["spread"] == pytest.approx(np.sqrt(spread), abs=0.01)
    np.testing.assert_allclose(
        found[weight].values["nll_data"], -own.logpdf(seen["actions"]).sum(1), rtol=1e-4, atol=1e-4
    )
    assert found[weight].n_folded == 0


def test_the_promise_is_kept_at_both_ends_and_not_beyond(gaussians):
    values = {weight: cost.values for weight, cost in gaussians[0].items()}
    gap = {w: float(np.mean(v["tilt"] - v["tilt_promised"])) for w, v in values.items()}
    assert abs(gap[0.0]) < 1e-12 and not values[0.0]["kl"].any()
    assert abs(gap[1.0]) < 0.04 < abs(gap[2.0])


def test_another_weight_or_agent_seed_compiles_nothing(gaussians):
    _, _, (agent, state, data, index) = gaussians
    few = {"key": jax.random.key(1), "samples": 3}
    dial_cost(agent, state, data, index, [0.0, 1.0, 2.0], **few)
    before, done = len(TRACES), []
    other = init(agent, data, key=jax.random.key(5))
    dial_cost(agent, other, data, index, [0.0, 1.0, 3.5], **few, progress=done.append)
    assert len(TRACES) == before > 0
    assert sum(done) == len(index) * densities([0.0, 1.0, 3.5], 3)


def test_the_goal_of_a_row_is_the_labelers_through_the_view():
    goals, view = Goals(sampling="offset", steps=1), View(normalize=True)
    found, seen, (agent, state, data, index) = measured(
        Normal(told=True), [1.0], labeler=goals, view=view, rows=5, samples=2
    )
    goal = agent.view.bind(state.view, data).take(jnp.asarray(index) + 1)["goals"]
    expected = -stats.norm.logpdf(seen["actions"], goal[:, :1], STDS[1]).sum(1)
    np.testing.assert_allclose(found[1.0].values["nll_data"], expected, rtol=1e-4)


def test_without_a_dial_there_is_no_comparison():
    found, _, _ = measured(Normal(), [None], guidance=Unguided(), labeler=Behaviour(), samples=2000)
    assert found[None].values.keys() == {"entropy", "nll_data", "clipped", "spread"}
    assert found[None].values["entropy"].mean() == pytest.approx(2 * stats.norm(0, STDS[1]).entropy(), abs=0.03)


def test_rows_without_a_density_are_left_out_and_counted():
    whole, seen, _ = measured(Normal(), [1.0], rows=40, samples=4)
    cut, _, _ = measured(Normal(cut=0.9), [1.0], rows=40, samples=4)
    left = np.isnan(cut[1.0].values["entropy"])
    assert 0 < left.sum() < 40
    np.testing.assert_allclose(cut[1.0].values["entropy"][~left], whole[1.0].values["entropy"][~left], rtol=1e-5)
    assert (np.isnan(cut[1.0].values["nll_data"]) == (np.asarray(seen["actions"])[:, 0] > 0.9)).all()
    assert np.isfinite(cut[1.0].values["clipped"]).all() and np.isfinite(cut[1.0].values["spread"]).all()
    assert cut[1.0].n_folded >= left.sum()
    [result] = summarise_costs({0: cut, 3: whole})
    assert result["left_out"]["entropy"] == left.sum() and "clipped" not in result["left_out"]
    means = [np.nanmean(found[1.0].values["entropy"]) for found in (cut, whole)]
    assert result["entropy"] == pytest.approx(np.mean(means))
    assert result["entropy_ci"][0] < result["entropy"] < result["entropy_ci"][1]


def test_where_everything_folds_there_is_null_and_strict_json():
    found, _, _ = measured(Normal(cut=-math.inf), [0.0, 2.0], rows=3, samples=2)
    results = summarise_costs({7: found})
    json.dumps(results, allow_nan=False)
    for result in results:
        assert all(result[name] is result[f"{name}_ci"] is None for name in ("entropy", "kl", "tilt_promised"))
        assert result["by_seed"]["7"]["nll_data"] is None and result["clipped_ci"] is not None
        assert result["left_out"]["kl"] == 3
    assert [result["n_folded"] for result in results] == [9, 9 + 6]
    head = {"run": "r", "preset": "p", "dataset": "d", "step": 1, "rows": 3, "samples": 2, "of": "training"}
    assert "–" in format_density({**head, "results": results}) and "15 actions have no density" in format_density(
        {**head, "results": results}
    )


def test_agent_seeds_have_the_same_say_and_one_without_rows_is_left_out():
    rows = {0: [1.0, np.nan, 3.0], 1: [5.0, 5.0, 5.0], 2: [np.nan] * 3}
    [result] = summarise_costs({seed: {None: Cost({"entropy": np.array(v)}, 0)} for seed, v in rows.items()})
    assert result["entropy"] == 3.5 and result["entropy_ci"] == [1.5, 5.0]
    assert result["by_seed"] == {"0": {"entropy": 2.0}, "1": {"entropy": 5.0}, "2": {"entropy": None}}
    assert result["left_out"] == {"entropy": 4}


BANDIT = ("dataset.use=bandit", "dataset.size=60", "train.steps=1", *TINY)
QUANTITIES = ("entropy", "nll_data", "clipped", "spread")
COMPARED = ("cross_entropy", "kl", "tilt", "tilt_promised", "effective")


def trained(folder: pathlib.Path, preset: str, *words: str) -> str:
    run = folder / preset
    done = cfgrl("train", preset, *BANDIT, *words, "--run-dir", str(run), cwd=folder)
    assert done.returncode == 0, done.stderr
    return str(run)


def shown(capsys, *words: str) -> dict:
    assert main(["density", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_the_command_with_a_dial(tmp_path: pathlib.Path, capsys):
    run = trained(tmp_path, "bandit", "labeler.network.hidden=[16]", "seeds=[0,4]")
    words = (run, "--weights", "2,0,2", "--rows", "999", "--samples", "3", "--seed", "6")
    record = shown(capsys, *words)
    head = {"run": "bandit", "preset": "bandit", "dataset": "bandit", "seeds": [0, 4], "step": 1}
    assert record.items() >= (head | {"rows": 6, "samples": 3, "seed": 6, "of": "validation"}).items()  # all there are
    assert [result["weight"] for result in record["results"]] == [0.0, 2.0]
    for result in record["results"]:
        assert result["by_seed"].keys() == {"0", "4"} and result["n_folded"] == 0 and result["left_out"] == {}
        for name in (*QUANTITIES, *COMPARED):
            low, high = result[f"{name}_ci"]
            assert low <= result[name] <= high
            assert result[name] == pytest.approx(np.mean([seed[name] for seed in result["by_seed"].values()]))
    assert shown(capsys, *words)["results"] == record["results"]
    assert main(["density", *words]) == 0
    assert "6 rows of validation data, 3 draws each" in capsys.readouterr().out
    lines = [json.loads(line) for line in (pathlib.Path(run) / "density.jsonl").read_text().splitlines()]
    assert lines[0] == record and len(lines) == 3


def test_the_command_without_a_dial_and_what_it_refuses(tmp_path: pathlib.Path, capsys):
    run = trained(tmp_path, "flow-bc")
    [result] = shown(capsys, run, "--rows", "4", "--samples", "2")["results"]
    assert result["weight"] is None and set(QUANTITIES) < result.keys() and not set(COMPARED) & result.keys()
    for words, said in (
        (("--weights", "1"), "has no guidance weight"),
        (("--weights", "inf"), "finite numbers"),
        (("--samples", "1"), "--samples must be at least 2"),
        (("--rows", "0"), "--rows must be at least 1"),
    ):
        assert main(["density", run, *words]) == 2
        assert said in capsys.readouterr().err


def test_best_of_n_has_no_density(tmp_path: pathlib.Path, capsys):
    run = trained(tmp_path, "cfg-best-of-n", "labeler.network.hidden=[16]", "seeds=[0]")
    assert main(["density", run]) == 2
    assert "BestOfN picks among samples" in capsys.readouterr().err
