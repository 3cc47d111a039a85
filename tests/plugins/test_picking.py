"""Best-of-N against the law of the maximum and of the softmax; energy guidance against exact Gaussian maps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import stubs
from references import phi

from cfgrl import Condition, ConfigError, Given, nn
from cfgrl_plugins.guidance.best_of_n import BestOfN
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.energy import Energy
from cfgrl_plugins.guidance.events import Binary
from cfgrl_plugins.policies.flow_matching import FlowMatching, FlowNet

N = 20_000


def linear(observation, target, context, *, which="online"):
    """Q = a by the slow heads; the online ones say the opposite and must not be asked."""
    del observation, context
    return jnp.stack([target[0], target[0] + 1.0]) * {"online": -1.0, "target": 1.0}[which]


def picked(guidance, critic) -> np.ndarray:
    def one(key):
        return guidance.sample(Given(stubs.StubPolicy(), jnp.zeros(1), jnp.zeros(1), None, critic), None, key=key)

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), N)))[:, 0]


@pytest.mark.parametrize("n", [1, 4])
def test_the_largest_of_n_normals_has_the_law_of_the_maximum(n: int):
    samples = np.sort(picked(BestOfN(samples=n), linear))
    distance = np.abs(np.arange(1, N + 1) / N - phi(samples) ** n).max()
    assert distance < 1.95 / np.sqrt(N), "Kolmogorov-Smirnov at one in a thousand"


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_the_softmax_draws_in_proportion_to_exp_q(temperature: float):
    def sign(observation, target, context, *, which="online"):
        del observation, context, which
        return jnp.sign(target)

    share = (picked(BestOfN(samples=3, pick="softmax", temperature=temperature), sign) > 0).mean()
    up, down = np.exp(1 / temperature), np.exp(-1 / temperature)
    counts = [(1, 0), (3, 1), (3, 2), (1, 3)]  # of three signs, how often k are positive, in eighths
    expected = sum(c / 8 * k * up / (k * up + (3 - k) * down) for c, k in counts)
    assert share == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / N))


def test_the_weight_goes_inward():
    cfg = CFG(weight=1.5, event=Binary())
    guidance = BestOfN(cfg, samples=2)
    assert float(guidance.weight) == 1.5
    samples = stubs.sample(guidance, 2, weight=jnp.float32(4.0))
    np.testing.assert_allclose(samples, 11.0 + 4.0 * 200.0)
    assert BestOfN().weight is None
    assert guidance.needs == {"critic", "field", "advantage"}


def test_best_of_n_cannot_be_steered():
    with pytest.raises(ConfigError, match="wrap it around the other guidance"):
        BestOfN().field(Given(stubs.StubPolicy(), None, jnp.zeros(1)), None)
    with pytest.raises(ConfigError, match="BestOfN acts by something else"):
        Energy(inner=BestOfN())


MEAN, STD, STRENGTH, CENTRE, STEPS = 0.2, 0.5, 3.0, 0.6, 16


class ExactField(eqx.Module):
    """In the place of a network: the velocity of a flow to N(MEAN, STD²), exactly."""

    def __call__(self, inputs):
        x, t = inputs[-2], inputs[-1]
        gain = (t * STD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * STD**2)
        return (MEAN + gain * (x - t * MEAN))[None]


def quadratic(observation, target, context, *, which="online"):
    """Q = −k/2·(a − c)² by the slow heads."""
    del observation, context
    q = -0.5 * STRENGTH * (target[0] - CENTRE) ** 2
    return jnp.stack([q, q + 1.0]) * {"online": -1.0, "target": 1.0}[which]


def tilted_map(weight: float) -> tuple[float, float]:
    """Mean and standard deviation after the Euler steps, whose field is affine in x: double precision, by hand."""
    scale, shift = 1.0, 0.0
    for k in range(STEPS):
        t = k / STEPS
        variance = (1 - t) ** 2 + t**2 * STD**2

        def velocity(x, t=t, variance=variance):
            flow = MEAN + (t * STD**2 - (1 - t)) / variance * (x - t * MEAN)
            # E[a | x] of a Gaussian, and the slope of Q at it by the chain rule.
            clean, gain = MEAN + t * STD**2 / variance * (x - t * MEAN), t * STD**2 / variance
            factor = (1 - max(t, 0.5 / STEPS)) / max(t, 0.5 / STEPS)
            return flow + factor * weight * -STRENGTH * (clean - CENTRE) * gain

        intercept = velocity(0.0)
        slope = velocity(1.0) - intercept
        scale, shift = scale * (1 + slope / STEPS), shift * (1 + slope / STEPS) + intercept / STEPS
    return shift, abs(scale)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_energy_guidance_follows_the_exact_map_for_a_quadratic_critic(weight: float):
    policy, guidance = FlowMatching(steps=STEPS), Energy()
    encoder = nn.Input(nn.MLP(), jnp.zeros(1), Condition.of(None), key=jax.random.key(0))
    fields = {"encoder": encoder, "velocity": ExactField(), "target_size": 1}
    net = FlowNet(**fields)

    def one(key):
        return guidance.sample(Given(policy, net, jnp.zeros(1), None, quadratic), jnp.float32(weight), key=key)

    samples = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), N)))[:, 0]
    mean, std = tilted_map(weight)
    assert samples.mean() == pytest.approx(mean, abs=5 * std / np.sqrt(N))
    assert samples.std() == pytest.approx(std, abs=5 * std / np.sqrt(2 * N))


def test_energy_guidance_leans_the_way_of_the_exact_product():
    """π̂·exp(wQ) is N((m/s² + wkc)/(1/s² + wk), 1/(1/s² + wk)); the mean-field form comes near it, not upon it."""
    plain, tilted = tilted_map(0.0), tilted_map(1.0)
    precision = 1 / STD**2 + STRENGTH
    exact = (MEAN / STD**2 + STRENGTH * CENTRE) / precision
    assert plain[0] < tilted[0]
    assert abs(tilted[0] - exact) < 0.5 * abs(plain[0] - exact)
