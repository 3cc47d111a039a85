"""Autoguidance: rules of the library, the law of guided samples in closed form, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cfgrl_example_autoguidance.autoguidance import Autoguidance
from cfgrl_example_autoguidance.strong_weak import StrongWeak, StrongWeakNet
from gaussian_flow import GaussianFlow, Law

import cfgrl
from cfgrl import Condition, ConfigError, Given
from cfgrl.testing import parametrize_with_checks

POLICY, GUIDANCE = StrongWeak(GaussianFlow(), GaussianFlow()), Autoguidance()
NOTHING = Condition.of(None)
SEEN = jnp.zeros(2)
KEY = jax.random.key(0)
KEYS = jax.random.split(KEY, 3)


@parametrize_with_checks([StrongWeak, Autoguidance])
def test_the_components_keep_the_rules(component, check):
    """What every policy and all guidance has to keep; a class without defaults is made by its `example`."""
    check(component)


def laws(strong: tuple[float, float], weak: tuple[float, float]) -> StrongWeakNet:
    """Parameters of two known laws, each `(mean, deviation)`."""
    return StrongWeakNet(*(Law(*map(jnp.float32, law)) for law in (strong, weak)))


@jax.jit
def guided(net: StrongWeakNet, weight: jax.Array) -> jax.Array:
    """Guided samples, one for each key."""
    return jax.vmap(lambda key: GUIDANCE.sample(Given(POLICY, net, SEEN), weight, key=key))(KEYS)


@jax.jit
def density(net: StrongWeakNet, weight: jax.Array, target: jax.Array) -> jax.Array:
    """The log-density of guided samples."""
    field = GUIDANCE.field(Given(POLICY, net, SEEN), weight)
    return POLICY.field_log_prob(net, field, target)


def noise() -> jax.Array:
    """What those samples were carried from."""
    return jax.vmap(lambda key: jax.random.normal(key, (1,)))(KEYS)


@pytest.mark.parametrize("weight", [0.0, 1.0, 1.5, 3.0])
def test_means_are_extrapolated(weight):
    """Two Gaussians of one deviation, N(m, s²) and N(m′, s²), give N(m′ + w·(m − m′), s²)."""
    net = laws(strong=(0.6, 0.5), weak=(0.2, 0.5))
    expected = 0.2 + weight * (0.6 - 0.2) + 0.5 * noise()
    np.testing.assert_allclose(guided(net, weight), expected, atol=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0, 1.5, 3.0])
def test_the_spread_of_the_weak_law_is_left_behind(weight):
    """Two Gaussians around one mean, of deviations s and s′, give one of s^w·s′^(1 − w); its density says so too.

    The velocity is m + (log σ_t)′·(x − t·m), so the guided one has w·(log σ)′ + (1 − w)·(log σ′)′ in its place, whose
    integral from 0 to 1 is w·log s + (1 − w)·log s′. What the weak law spreads too far is narrowed for w > 1.
    """
    net = laws(strong=(0.3, 0.4), weak=(0.3, 0.8))
    deviation = 0.4**weight * 0.8 ** (1.0 - weight)
    np.testing.assert_allclose(guided(net, weight), 0.3 + deviation * noise(), atol=2e-4)
    expected = -0.5 * (0.15 / deviation) ** 2 - np.log(deviation * np.sqrt(2.0 * np.pi))
    np.testing.assert_allclose(density(net, weight, jnp.full((1,), 0.45)), expected, rtol=2e-3)


def test_at_one_the_strong_policy_acts_and_at_zero_the_weak_one():
    """The first to the last bit: what nobody asked for costs nothing."""
    net = laws(strong=(0.6, 0.4), weak=(0.1, 0.9))
    strong, weak = POLICY.field(net, SEEN, NOTHING), POLICY.weak_field(net, SEEN, NOTHING)
    for x, t in ((-1.0, 0.0), (0.3, 0.45), (2.0, 0.9)):
        at = jnp.full((1,), x), jnp.float32(t)
        one, zero = (GUIDANCE.field(Given(POLICY, net, SEEN), jnp.float32(w))(*at) for w in (1.0, 0.0))
        assert (one == strong(*at)).all()
        np.testing.assert_allclose(zero, weak(*at), rtol=1e-5)
    np.testing.assert_array_equal(POLICY.sample(net, SEEN, NOTHING, key=KEYS[0]), guided(net, 1.0)[0])


def test_each_is_trained_as_if_it_were_alone():
    """The loss is a sum, and neither's gradient depends on the other's parameters."""
    nets = [laws(strong, weak) for strong in ((0.6, 0.4), (0.2, 0.7)) for weak in ((0.1, 0.9), (0.5, 0.3))]

    def loss(net):
        return POLICY.loss(net, SEEN, jnp.full((1,), 0.3), NOTHING, key=KEY)

    slopes = [jax.tree.leaves(jax.grad(loss)(net)) for net in nets]
    assert slopes[0][:2] == slopes[1][:2] != slopes[2][:2] == slopes[3][:2]
    assert slopes[0][2:] == slopes[2][2:] != slopes[1][2:] == slopes[3][2:]
    np.testing.assert_allclose(loss(nets[0]) + loss(nets[3]), loss(nets[1]) + loss(nets[2]), rtol=1e-6)


def test_what_the_strong_policy_provides_is_provided():
    """Its density where it has one, and no mode where it has none."""
    assert POLICY.provides == {"field", "weak-field", "log-prob"}
    policy = cfgrl.from_preset("autoguided").stages[0].policy
    assert policy.provides == {"field", "weak-field", "log-prob"}


@pytest.mark.parametrize(
    ("preset", "changed", "sentence"),
    [
        ("demo", {"guidance.use": "autoguidance"}, "needs 'weak-field'.*FlowMatching provides field, log-prob"),
        ("autoguided", {"policy.weak.use": "ddpm"}, "FlowMatching and DDPM do not mean alike"),
        ("autoguided", {"policy.weak.use": "gaussian"}, "StrongWeak: weak must be a FieldPolicy, not Gaussian"),
        ("demo", {"policy.use": "strong-weak"}, "no policy is chosen: set policy.strong.use"),
    ],
)
def test_what_cannot_work_is_refused(preset, changed, sentence):
    """With a sentence that says what is missing, and where to set it."""
    with pytest.raises(ConfigError, match=sentence):
        cfgrl.from_preset(preset, changed)
