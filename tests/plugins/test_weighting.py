"""AWR and the Q-gradient: losses and gradients computed by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import stubs

from cfgrl import ConfigError, Given
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.guidance.q_gradient import QGradient
from cfgrl_plugins.guidance.unguided import Unguided

ADVANTAGES = np.array([0.3, -0.2, 0.0, 1.5, -2.0, 50.0], np.float32)
TARGETS = np.arange(1.0, 7.0)


@pytest.mark.parametrize(("inverse", "cap"), [(3.0, 100.0), (1.0, 2.0), (0.0, 100.0)])
def test_awr_weights_the_loss_by_the_capped_exponential(inverse: float, cap: float):
    awr = AWR(inverse_temperature=inverse, cap=cap)
    loss, metrics = stubs.loss(awr, *stubs.batch(ADVANTAGES))
    weights = np.minimum(np.exp(np.float64(inverse * ADVANTAGES)), cap)
    assert float(loss) == pytest.approx(np.mean(weights * TARGETS * 11.0), rel=1e-4)
    assert float(metrics["advantage_weight"]) == pytest.approx(weights.mean(), rel=1e-4)


def test_awr_stays_finite_where_the_exponential_does_not():
    loss, _ = stubs.loss(AWR(inverse_temperature=30.0), *stubs.batch([1e4]))
    assert float(loss) == pytest.approx(1100.0, rel=1e-4)


@pytest.mark.parametrize("make", [AWR, Unguided])
def test_the_mode_acts_where_it_is_asked_for(make):
    net = jnp.array([0.7])
    by_mode = stubs.sample(make(act="mode"), 4, net=net)
    assert (by_mode == np.float32(0.7)).all()
    assert np.std(stubs.sample(make(act="sample"), 64, net=net)) > 0.5
    assert "mode" in make(act="mode").needs and "mode" not in make().needs
    assert not make(act="mode").steers and make().steers
    with pytest.raises(ConfigError, match="mode has no field"):
        make(act="mode").field(Given(stubs.StubPolicy(), net, net), None)


def drawn(key, n: int, net: float) -> tuple[np.ndarray, int]:
    """The policy's own samples and the head drawn, from the loss's own keys."""
    _, sample_key, head_key = jax.random.split(key, 3)
    noise = jax.vmap(lambda k: jax.random.normal(k, (1,)))(jax.random.split(sample_key, n))
    return net + np.asarray(noise, np.float64)[:, 0], int(jax.random.randint(head_key, (), 0, 2))


def heads_of(samples: np.ndarray) -> np.ndarray:
    return np.stack([samples, 1.0 - samples**2], axis=1)


def by_hand(fields: dict, net: float, key, magnitude: float | None = None) -> tuple[float, float]:
    """The Q part of the loss and what it was divided by; `magnitude` stands in for that where it is given."""
    samples, i = drawn(key, 6, net)
    q = heads_of(samples)
    kind = fields["heads"]
    chosen = {"crossed": q[:, i], "mean": q.mean(axis=1), "min": q.min(axis=1)}[kind]
    scale = np.abs(q[:, 1 - i] if kind == "crossed" else chosen).mean()
    if not fields.get("normalize", True):
        scale = 1.0
    return -chosen.mean() / (scale if magnitude is None else magnitude), scale


@pytest.mark.parametrize("seed", [0, 1, 3])
@pytest.mark.parametrize(
    "fields", [{"heads": "crossed"}, {"heads": "mean"}, {"heads": "min"}, {"heads": "mean", "normalize": False}]
)
def test_the_q_term_is_that_computed_by_hand(fields: dict, seed: int):
    guidance, key, net = QGradient(eta=2.5, **fields), jax.random.key(seed), 0.4
    loss, metrics = stubs.loss(guidance, *stubs.batch(ADVANTAGES), key=key, net=jnp.array([net]))
    q_loss, _ = by_hand(fields, net, key)
    assert float(metrics["q_loss"]) == pytest.approx(q_loss, rel=1e-4)
    assert float(loss) == pytest.approx(np.mean(TARGETS * 11.0) + 2.5 * q_loss, rel=1e-4)


def test_both_heads_are_drawn():
    assert {drawn(jax.random.key(seed), 6, 0.0)[1] for seed in range(8)} == {0, 1}


@pytest.mark.parametrize("fields", [{"heads": "crossed"}, {"heads": "mean"}])
def test_the_gradient_goes_through_the_sample_and_not_through_the_scale(fields: dict):
    guidance, key, net = QGradient(eta=2.0, **fields), jax.random.key(4), 0.4
    observation, label = stubs.batch(ADVANTAGES)

    def objective(net):
        return guidance.loss(Given(stubs.StubPolicy(), net, observation, label.context, stubs.critic), label, key=key)[
            0
        ]

    gradient = float(jax.jit(jax.grad(objective))(jnp.array([net]))[0])
    _, scale = by_hand(fields, net, key)
    slope = 2.0 * (by_hand(fields, net + 1e-5, key, scale)[0] - by_hand(fields, net - 1e-5, key, scale)[0]) / 2e-5
    moving = 2.0 * (by_hand(fields, net + 1e-5, key)[0] - by_hand(fields, net - 1e-5, key)[0]) / 2e-5
    assert gradient == pytest.approx(slope, rel=1e-3)
    assert abs(moving - slope) > 1e-2, "a gradient through the scale would be told apart"
