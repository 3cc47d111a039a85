"""Fourier features: rules of the library, the kernel that they approximate, and a matrix that stays what it was."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cfgrl_example_fourier.fourier_mlp import FourierMLP, FourierNet

import cfgrl
from cfgrl.nn import MLP, ResidualMLP, call
from cfgrl.testing import parametrize_with_checks

SMALL = FourierMLP(MLP(hidden=(8,)), features=6)
KEY = jax.random.key(0)


@parametrize_with_checks([FourierMLP(MLP(hidden=(8,)), features=6)])
def test_the_network_keeps_the_rules(component, check):
    """What every network has to keep."""
    check(component)


@pytest.mark.parametrize("scale", [0.05, 0.2])
def test_the_features_have_a_gaussian_kernel(scale):
    """φ(x)·φ(y)/features → exp(−2π²·scale²·|x − y|²), and is 1 at x = y whatever the matrix."""
    net = FourierMLP(MLP(hidden=(1,)), features=40_000, scale=scale).init(3, 1, key=KEY)
    x = jnp.array((0.3, -1.0, 0.5))
    for distance in (0.0, 0.5, 1.0, 2.0):
        y = x + distance * jnp.array((2.0, 1.0, -2.0)) / 3.0
        product = net.features(x) @ net.features(y) / 40_000
        expected = np.exp(-2.0 * (np.pi * scale * distance) ** 2)
        # A mean of cosines: its error is at most 1/√features times a few.
        np.testing.assert_allclose(product, expected, atol=0.02 if distance else 1e-5)


def test_another_scale_widens_the_same_matrix():
    """And does not compile again."""
    traces = []

    @eqx.filter_jit
    def frequencies(network):
        traces.append(network)
        return network.init(3, 2, key=KEY).frequencies

    one, two = (frequencies(FourierMLP(MLP(hidden=(8,)), features=6, scale=scale)) for scale in (0.5, 1.0))
    np.testing.assert_allclose(2.0 * one, two, rtol=1e-6)
    assert len(traces) == 1


def test_no_gradient_reaches_the_matrix():
    """It reaches everything behind it, and the input in front of it."""
    net, x = SMALL.init(3, 2, key=KEY), jnp.array((0.1, 0.2, 0.3))
    gradient = jax.grad(lambda net: jnp.sum(net(x) ** 2))(net)
    assert not gradient.frequencies.any()
    assert all(layer.weight.any() for layer in gradient.network.layers)
    assert jax.grad(lambda x: jnp.sum(net(x) ** 2))(x).all()


def test_randomness_is_passed_on_to_a_network_that_draws():
    """Dropout behind the features is on with a key and off without one."""
    net = FourierMLP(ResidualMLP(width=8, blocks=1, dropout=0.5), features=4).init(3, 2, key=KEY)
    x = jnp.ones(3)
    plain, dropped = call(net, x), call(net, x, key=KEY)
    assert (plain == net(x)).all() and (plain != dropped).any()
    same = SMALL.init(3, 2, key=KEY)
    assert (call(same, x, key=KEY) == same(x)).all()


def test_training_changes_all_but_the_matrix_which_is_saved():
    """Of the preset, made small: the matrix is an array of the state, and the updates leave it alone."""
    small = {
        "policy.steps": 2,
        "policy.network.features": 4,
        "policy.network.network.hidden": [4],
        "train.batch_size": 8,
    }
    agent = cfgrl.from_preset("fourier-goal", small)
    rng = np.random.default_rng(0)
    observations, actions = rng.normal(size=(20, 2)), rng.uniform(-0.9, 0.9, (20, 2))
    data = cfgrl.Data.from_arrays(observations, actions, terminals=np.arange(20) % 10 == 9)
    begun = eqx.filter_jit(lambda key: cfgrl.init(agent, data, key=key))(KEY)
    before = cfgrl.copied(found(begun))  # An update takes the buffers of the state that it is given.
    state, chunk = cfgrl.train_chunk(agent, data, begun, 3)
    after = found(state)
    assert int(chunk.first_bad) == -1
    assert (before.frequencies == after.frequencies).all()
    assert (before.network.layers[0].weight != after.network.layers[0].weight).any()
    assert any(leaf is after.frequencies for leaf in jax.tree.leaves(state))


def found(state):
    """The Fourier network in a policy's parameters, wherever the policy keeps it."""
    leaves = jax.tree.leaves(state.stages[0].net, is_leaf=lambda node: isinstance(node, FourierNet))
    return next(leaf for leaf in leaves if isinstance(leaf, FourierNet))
