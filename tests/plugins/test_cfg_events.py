"""CFG on an advantage: both forms of the loss and every event, computed by hand; refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import stubs

from cfgrl import ConfigError, Event, Given
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.cfg_branches import CFGBranches
from cfgrl_plugins.guidance.events import Advantage, Bernoulli, Binary, Exponential, Goal, Levels, Quantile

ADVANTAGES = np.array([0.3, -0.2, 0.0, 1.5, -2.0, 0.1, -0.7, 0.9], np.float32)
TARGETS = np.arange(1.0, 9.0)
NO, YES = 1.0 + 10.0 + 100.0, 1.0 + 10.0 + 200.0
UNKNOWN, BRANCH = 1.0 + 10.0, 1.0 + 10.0 + 100.0


def kept(cfg: CFG, key) -> np.ndarray:
    """Which examples keep their o; the draw is the loss's own, what is made of it is not."""
    drop_key = jax.random.split(key, 3)[0]
    return ~np.asarray(jax.random.bernoulli(drop_key, cfg.dropout, (len(TARGETS),)))


def dropout_by_hand(cfg: CFG, marks: np.ndarray, key) -> float:
    return float(np.mean(TARGETS * np.where(kept(cfg, key), marks, UNKNOWN)))


@pytest.mark.parametrize("seed", range(3))
def test_the_dropout_form_marks_every_example_and_nulls_some(seed: int):
    cfg, key = CFG(event=Binary(), dropout=0.4), jax.random.key(seed)
    loss, metrics = stubs.loss(cfg, *stubs.batch(ADVANTAGES), key=key)
    marks = np.where(ADVANTAGES >= 0, YES, NO)
    assert float(loss) == pytest.approx(dropout_by_hand(cfg, marks, key), rel=1e-5)
    known = kept(cfg, key)
    assert 0 < known.sum() < 8
    assert float(metrics["conditioned_loss"]) == pytest.approx(np.mean((TARGETS * marks)[known]), rel=1e-5)
    assert float(metrics["positive_share"]) == pytest.approx(0.5)


@pytest.mark.parametrize("unconditional", [0.1, 0.5])
def test_the_branch_form_passes_both_branches_and_scales_the_positive_one(unconditional: float):
    cfg = CFGBranches(event=Binary(), unconditional=unconditional)
    loss, metrics = stubs.loss(cfg, *stubs.batch(ADVANTAGES))
    positive = TARGETS * (ADVANTAGES > 0)
    assert float(loss) == pytest.approx(np.mean(positive * BRANCH + unconditional * TARGETS * UNKNOWN), rel=1e-5)
    assert float(metrics["conditioned_loss"]) == pytest.approx(np.mean(positive * BRANCH), rel=1e-5)


def test_the_goal_in_the_branch_form_has_a_factor_of_one():
    loss, _ = stubs.loss(CFGBranches(), *stubs.batch(ADVANTAGES, context=True))
    assert float(loss) == pytest.approx(np.mean(TARGETS * 11.0 + 0.1 * TARGETS * 1.0), rel=1e-5)


@pytest.mark.parametrize(
    ("event", "marks"),
    [
        (Binary(threshold=0.5), np.where(ADVANTAGES >= 0.5, YES, NO)),
        (Quantile(quantile=0.75), np.where(np.quantile(ADVANTAGES, 0.75) <= ADVANTAGES, YES, NO)),
        (Levels(levels=4), 11.0 + 100.0 * (1 + np.argsort(np.argsort(ADVANTAGES)) * 4 // 8)),
        (Advantage(temperature=2.0), 11.0 + 100.0 * ADVANTAGES / 2.0),
    ],
)
def test_each_event_marks_as_it_says(event: Event, marks: np.ndarray):
    cfg, key = CFG(event=event, dropout=0.3), jax.random.key(1)
    loss, _ = stubs.loss(cfg, *stubs.batch(ADVANTAGES), key=key)
    assert float(loss) == pytest.approx(dropout_by_hand(cfg, marks, key), rel=1e-5)


@pytest.mark.parametrize(
    ("event", "factor"),
    [
        (Binary(threshold=0.3), np.float64(ADVANTAGES > 0.3)),
        (Quantile(quantile=0.5), np.float64(np.quantile(ADVANTAGES, 0.5) < ADVANTAGES)),
        (Exponential(temperature=0.5, cap=4.0), np.minimum(np.exp(ADVANTAGES / 0.5), 4.0)),
    ],
)
def test_each_event_scales_as_it_says(event: Event, factor: np.ndarray):
    cfg = CFGBranches(event=event)
    loss, _ = stubs.loss(cfg, *stubs.batch(ADVANTAGES))
    assert float(loss) == pytest.approx(np.mean(factor * TARGETS * BRANCH + 0.1 * TARGETS * UNKNOWN), rel=1e-5)


@pytest.mark.parametrize(
    "cfg", [CFG(event=Bernoulli(temperature=0.5), dropout=1e-6), CFGBranches(event=Bernoulli(temperature=0.5))]
)
def test_soft_labels_are_drawn_with_the_probability_that_they_should(cfg: CFG | CFGBranches):
    n, advantage = 20_000, 0.4
    loss, _ = stubs.loss(cfg, *stubs.batch(np.full(n, advantage), targets=np.ones((n, 1))))
    share = 1 / (1 + np.exp(-advantage / 0.5))
    expected = share * YES + (1 - share) * NO if isinstance(cfg, CFG) else share * BRANCH + 0.1 * UNKNOWN
    assert float(loss) == pytest.approx(expected, abs=100 * 5 * np.sqrt(share * (1 - share) / n))


@pytest.mark.parametrize(
    ("cfg", "wanted"),
    [
        (CFG(event=Binary()), 200.0),
        (CFGBranches(event=Binary()), 100.0),
        (CFG(event=Levels(levels=4)), 400.0),
        (CFG(event=Advantage(target=1.5)), 150.0),
    ],
)
def test_acting_asks_for_what_is_wanted_and_the_plain_policy_for_nothing(cfg: CFG | CFGBranches, wanted: float):
    policy = stubs.StubPolicy()
    field = cfg.field(Given(policy, jnp.zeros(1), jnp.zeros(1), jnp.zeros(1)), jnp.float32(2.0))
    assert float(field(jnp.zeros(1), jnp.float32(0.5))[0]) == pytest.approx(11.0 + 2.0 * wanted)
    assert float(policy.told(cfg.plain(jnp.zeros(1)))) == 11.0
    assert float(policy.told(cfg.condition(stubs.batch([0.0], context=True)[1]))) == pytest.approx(11.0 + wanted)


@pytest.mark.parametrize(
    ("guidance", "event", "sentence"),
    [
        (CFG, Exponential(), "Exponential gives none: it only scales the loss of a branch.*CFGBranches"),
        (CFGBranches, Levels(), "Levels gives no factor: it only marks examples.*CFG"),
        (CFGBranches, Advantage(), "Advantage gives no factor: it only marks examples.*CFG"),
    ],
)
def test_an_event_that_does_not_fit_the_form_is_refused(guidance: type, event: Event, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        guidance(event=event)


def test_the_event_decides_what_is_needed():
    assert CFG().needs == CFG(event=Goal()).needs == {"goal", "field"}
    assert CFG(event=Binary()).needs == CFGBranches(event=Exponential()).needs == {"advantage", "field"}
