"""Win rate: rules of the library, ranks by hand, and the law of the best of N in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cfgrl_example_winrate.win_rate import WinRate

import cfgrl
from cfgrl import Label
from cfgrl.testing import parametrize_with_checks

KEY = jax.random.key(0)


def labels(advantages) -> Label:
    """A label for each advantage, which is its target too."""
    advantages = jnp.asarray(advantages, jnp.float32)
    return jax.vmap(lambda a: Label(a[None], None, a))(advantages)


@parametrize_with_checks([WinRate])
def test_the_component_keeps_the_rules(component, check):
    """What every component has to keep."""
    check(component)


def test_wins_are_counted_by_hand():
    """Of five, two of them equal: each is compared with the four others."""
    factor = WinRate().factor(labels([0.5, -1.0, 2.0, 0.5, 0.0]), key=KEY)
    np.testing.assert_allclose(factor, [(2 + 0.5) / 4, 0.0, 1.0, (2 + 0.5) / 4, 0.25])


@pytest.mark.parametrize("weight", [1, 2, 4])
def test_the_weight_counts_draws_of_best_of_n(weight):
    """Actions are uniform on [-1, 1] and A is the action: the mean of the best of N draws is (N - 1)/(N + 1)."""
    targets = np.random.default_rng(0).uniform(-1.0, 1.0, 20_000)
    factor = np.asarray(WinRate().factor(labels(targets), key=KEY), np.float64) ** weight
    draws = weight + 1
    assert np.average(targets, weights=factor) == pytest.approx((draws - 1) / (draws + 1), abs=0.02)


def test_marks_are_drawn_with_the_win_rate():
    """The mean target of those marked as won is that of the better of two draws."""
    targets = np.random.default_rng(1).uniform(-1.0, 1.0, 20_000)
    won = np.asarray(WinRate().marks(labels(targets), key=KEY))[:, 1] == 1
    assert won.mean() == pytest.approx(0.5, abs=0.02)
    assert targets[won].mean() == pytest.approx(1 / 3, abs=0.02)


def test_a_registry_chooses_it_by_name():
    """In either form of training."""
    for form in ("cfg", "cfg-branches"):
        agent = cfgrl.from_preset("bandit", {"guidance.use": form, "guidance.event.use": "win-rate"})
        assert isinstance(agent.stages[0].guidance.event, WinRate)
