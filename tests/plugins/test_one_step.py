"""The one-step policy: both terms of its loss against NumPy, and where their gradients go."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import perceptron

from cfgrl import Condition, nn
from cfgrl_plugins.policies.one_step import OneStep

OBSERVATION, TARGET, GOAL = np.float32([0.3, -1.2]), np.float32([0.4, -0.6]), np.float32([0.7])
CONDITION, KEY = Condition.of(jnp.asarray(GOAL)), jax.random.key(5)
SEEN = np.concatenate([OBSERVATION, GOAL])


def build(**options):
    policy = OneStep(nn.MLP(hidden=(8, 8)), **options)
    return policy, policy.init(jnp.asarray(OBSERVATION), jnp.asarray(TARGET), CONDITION, key=jax.random.key(0))


def loss(policy, net):
    return eqx.filter_jit(policy.loss)(net, jnp.asarray(OBSERVATION), jnp.asarray(TARGET), CONDITION, key=KEY)


def velocity(net, x, t):
    return perceptron(net.flow.velocity, np.concatenate([SEEN, x, [t]])[None])[0]


@pytest.mark.parametrize("alpha", [0.0, 2.5])
def test_the_loss_is_flow_matching_plus_distillation(alpha: float):
    policy, net = build(alpha=alpha, steps=4)
    flow_key, noise_key, _ = jax.random.split(KEY, 3)
    first, second = jax.random.split(flow_key)
    x0, t = np.asarray(jax.random.normal(first, (2,))), float(jax.random.uniform(second))
    imitation = np.mean((velocity(net, (1 - t) * x0 + t * TARGET, t) - (TARGET - x0)) ** 2)
    z = np.asarray(jax.random.normal(noise_key, (2,)))
    mapped, carried = perceptron(net.map.network, np.concatenate([SEEN, z])[None])[0], z
    for k in range(4):
        carried = carried + velocity(net, carried, k / 4) / 4
    distillation = np.mean((mapped - carried) ** 2)
    assert distillation > 0.01
    assert float(loss(policy, net)) == pytest.approx(imitation + alpha * distillation, rel=1e-4)


def test_distillation_moves_the_map_and_leaves_the_flow_alone():
    policy, net = build(alpha=7.0)
    both = eqx.filter_grad(lambda n: loss(policy, n))(net)
    alone = eqx.filter_grad(lambda n: loss(build(alpha=0.0)[0], n))(net)
    for ours, expected in zip(jax.tree.leaves(both.flow), jax.tree.leaves(alone.flow), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert any(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(both.map))
    assert all(np.abs(leaf).max() == 0 for leaf in jax.tree.leaves(alone.map))


def test_a_sample_is_the_map_of_noise_and_gradients_reach_the_map_only():
    policy, net = build()
    z = np.asarray(jax.random.normal(KEY, (2,)))
    sample = policy.sample(net, jnp.asarray(OBSERVATION), CONDITION, key=KEY)
    np.testing.assert_allclose(sample, perceptron(net.map.network, np.concatenate([SEEN, z])[None])[0], atol=1e-5)
    gradient = eqx.filter_grad(lambda n: jnp.sum(policy.sample(n, jnp.asarray(OBSERVATION), CONDITION, key=KEY)))(net)
    assert all(np.abs(leaf).max() == 0 for leaf in jax.tree.leaves(gradient.flow))
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient.map))
