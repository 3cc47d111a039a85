"""The Gaussian policy against SciPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import perceptron
from scipy import stats

from cfgrl import Condition, nn
from cfgrl_plugins.policies.gaussian import Gaussian

OBSERVATION, TARGET, GOAL = np.float32([0.3, -1.2]), np.float32([0.4, -0.6, 0.1]), np.float32([0.7])
CONDITION = Condition.of(jnp.asarray(GOAL))


def build(**options):
    policy = Gaussian(nn.MLP(hidden=(8,)), **options)
    net = policy.init(jnp.asarray(OBSERVATION), jnp.asarray(TARGET), CONDITION, key=jax.random.key(0))
    return policy, net


def law(policy, net):
    """Mean and standard deviation in NumPy."""
    output = perceptron(net.network, np.concatenate([OBSERVATION, GOAL])[None])[0]
    if policy.deviation == "constant":
        return output, np.full(3, float(policy.std))
    mean, log_std = (output[:3], output[3:]) if policy.deviation == "state" else (output, np.asarray(net.log_std))
    return mean, np.exp(np.clip(log_std, -5, 2))


@pytest.mark.parametrize("options", [{}, {"std": 0.3}, {"deviation": "learned"}, {"deviation": "state"}], ids=str)
def test_loss_density_mode_and_samples(options: dict):
    policy, net = build(**options)
    if options.get("deviation") == "learned":
        net = eqx.tree_at(lambda n: n.log_std, net, jnp.array([-7.0, 0.5, 3.0]))
    mean, std = law(policy, net)
    seen, target = jnp.asarray(OBSERVATION), jnp.asarray(mean + 0.8 * std, jnp.float32)
    expected = stats.norm.logpdf(np.asarray(target), mean, std).sum()
    assert float(eqx.filter_jit(policy.log_prob)(net, seen, CONDITION, target)) == pytest.approx(expected, abs=2e-3)
    loss = eqx.filter_jit(policy.loss)(net, seen, target, CONDITION, key=jax.random.key(1))
    assert float(loss) == pytest.approx(-expected, abs=2e-3)
    np.testing.assert_allclose(policy.mode(net, seen, CONDITION), mean, atol=1e-5)
    keys = jax.random.split(jax.random.key(2), 20_000)
    samples = np.asarray(jax.jit(jax.vmap(lambda k: policy.sample(net, seen, CONDITION, key=k)))(keys))
    assert (np.abs(samples.mean(0) - mean) < 5 * std / np.sqrt(20_000)).all()
    np.testing.assert_allclose(samples.std(0), std, rtol=0.03)


def test_the_deviation_is_learned_where_it_should_be():
    for deviation, learned in (("constant", False), ("learned", True)):
        policy, net = build(deviation=deviation)
        assert (net.log_std is not None) == learned
    gradient = eqx.filter_jit(
        eqx.filter_grad(
            lambda n: policy.loss(n, jnp.asarray(OBSERVATION), jnp.asarray(TARGET), CONDITION, key=jax.random.key(0))
        )
    )(net)
    z = (TARGET - law(policy, net)[0]) / 1.0
    np.testing.assert_allclose(gradient.log_std, 1 - z**2, atol=1e-4)
