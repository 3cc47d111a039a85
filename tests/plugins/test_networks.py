"""Residual network, time embedding and condition encoder against NumPy; dropout in losses and nowhere else."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import ACTIVATIONS, normalise, perceptron

from cfgrl import Condition, nn
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian
from cfgrl_plugins.policies.one_step import OneStep

KEY = jax.random.key(3)


def dense(layer, x):
    return np.asarray(layer.weight, np.float64) @ x + np.asarray(layer.bias, np.float64)


def residual(net, x, dropped=lambda number, x: x):
    activate = ACTIVATIONS[net.activation]
    x = dense(net.first, x)
    for number, block in enumerate(net.blocks):
        inner = normalise(dropped(number, x), block.norm)
        x = x + dense(block.narrow, activate(dense(block.widen, inner)))
    return dense(net.last, activate(x))


def build(dropout: float = 0.5):
    network, rng = nn.ResidualMLP(width=6, blocks=2, dropout=dropout), np.random.default_rng(0)
    net = network.init(5, 3, key=KEY)
    # Biases and scales start at 0 and 1, where a mistake would not show.
    return jax.tree.map(lambda leaf: jnp.asarray(leaf + rng.normal(0, 0.3, leaf.shape).astype(np.float32)), net)


def output(net, x, key=None):
    return eqx.filter_jit(lambda net, x, key: nn.call(net, x, key=key))(net, jnp.asarray(x), key)


def test_the_residual_network_is_that_of_the_formula():
    net, x = build(), np.float32([0.5, -1.0, 0.2, 2.0, -0.3])
    np.testing.assert_allclose(output(net, x), residual(net, x), rtol=1e-4, atol=1e-5)
    assert net.blocks[0].widen.weight.shape == (24, 6)


def test_dropout_zeroes_and_rescales_where_a_key_is_given():
    net, x = build(dropout=0.5), np.float32([0.5, -1.0, 0.2, 2.0, -0.3])

    def dropped(number, x):
        kept = np.asarray(jax.random.bernoulli(jax.random.fold_in(KEY, number), 0.5, x.shape))
        assert 0 < kept.sum() < x.size
        return np.where(kept, x / 0.5, 0.0)

    np.testing.assert_allclose(output(net, x, KEY), residual(net, x, dropped), rtol=1e-4, atol=1e-5)
    without = build(dropout=0.0)
    np.testing.assert_allclose(output(without, x, KEY), output(without, x), rtol=1e-6)


def test_call_gives_a_key_only_to_networks_that_take_one():
    seen = []

    class Plain:
        def __call__(self, x, **given):
            seen.append(set(given))
            return x

    class Drawing(Plain):
        takes_key = True

    for network in (Plain(), Drawing()):
        nn.call(network, jnp.zeros(2), key=KEY)
        nn.call(network, jnp.zeros(2))
    assert seen == [set(), set(), {"key"}, {"key"}]


@pytest.mark.parametrize("kind", [FlowMatching, DDPM, Gaussian, OneStep])
def test_dropout_is_on_in_losses_and_off_while_acting(kind: type):
    seen, target, condition = jnp.ones(2), jnp.full(2, 0.3), Condition.of(jnp.ones(1))

    def policy(dropout: float):
        return kind(nn.ResidualMLP(width=8, blocks=1, dropout=dropout))

    on, off = policy(0.5), policy(0.0)

    nets = [p.init(seen, target, condition, key=KEY) for p in (on, off)]
    losses = [p.loss(net, seen, target, condition, key=KEY) for p, net in zip((on, off), nets, strict=True)]
    samples = [p.sample(net, seen, condition, key=KEY) for p, net in zip((on, off), nets, strict=True)]
    assert float(losses[0]) != pytest.approx(float(losses[1]), rel=1e-3)
    np.testing.assert_allclose(*samples, rtol=1e-6)


def test_time_embeddings():
    t = jnp.float32(0.37)
    np.testing.assert_array_equal(nn.TimeEmbedding()(t), [np.float32(0.37)])
    angles = 3.7 * 10_000.0 ** (-np.arange(8) / 8)
    expected = np.concatenate([np.cos(angles), np.sin(angles)])
    np.testing.assert_allclose(nn.TimeEmbedding("sinusoidal", scale=10.0)(t), expected, atol=1e-5)
    learned = nn.TimeEmbedding("sinusoidal-mlp", scale=10.0, key=KEY)
    first, second = learned.layers
    by_hand = dense(second, ACTIVATIONS["mish"](dense(first, expected)))
    np.testing.assert_allclose(learned(t), by_hand, atol=1e-5)
    assert (first.weight.shape, second.weight.shape, learned.size) == ((32, 16), (16, 32), 16)
    with pytest.raises(ValueError, match="needs a key"):
        nn.TimeEmbedding("sinusoidal-mlp")
    with pytest.raises(ValueError, match="no time embedding 'cosine'"):
        nn.TimeEmbedding("cosine")


def told(context, optimality, *, known: bool = True) -> Condition:
    return Condition(context, jnp.asarray(True), optimality, jnp.asarray(known))


def test_optimality_is_embedded_and_its_null_is_a_vector_of_the_same_size():
    goal = jnp.array([0.1, 0.2])
    encoder = nn.ConditionEncoder(told(goal, jnp.zeros(3)), key=KEY)
    assert encoder.size == 34 and encoder.optimality.shape == (3, 32)
    for level in range(3):
        encoded = encoder(told(goal, jax.nn.one_hot(level, 3)))
        np.testing.assert_allclose(encoded, np.concatenate([goal, encoder.optimality[level]]), atol=1e-6)
    np.testing.assert_array_equal(
        encoder(told(goal, jnp.ones(3), known=False)), np.concatenate([goal, encoder.null_optimality])
    )
    scaled = nn.ConditionEncoder(told(None, jnp.zeros(1)), embedding=8, key=KEY)
    np.testing.assert_allclose(scaled(told(None, jnp.array([-0.7]))), -0.7 * scaled.optimality[0], atol=1e-6)
    wide = nn.ConditionEncoder(told(None, jnp.zeros(1)), embedding=4000, key=KEY)
    for drawn in (wide.optimality, wide.null_optimality):
        assert float(jnp.std(drawn)) == pytest.approx(1 / np.sqrt(4000), rel=0.05)
    assert not np.allclose(wide.optimality[0], wide.null_optimality)


def test_a_goal_alone_is_concatenated_with_the_null_it_always_had():
    encoder = nn.ConditionEncoder(Condition.of(jnp.zeros(4)), key=KEY)
    expected = jax.random.normal(jax.random.split(KEY)[0], (4,)) / jnp.sqrt(4)
    np.testing.assert_array_equal(encoder.null_context, expected)
    np.testing.assert_array_equal(encoder(Condition.of(jnp.arange(4.0))), np.arange(4.0))
    np.testing.assert_array_equal(encoder(Condition.of(jnp.arange(4.0), known=False)), expected)
    assert encoder.optimality is None and encoder.null_optimality is None
    assert nn.ConditionEncoder(Condition.of(None), key=KEY).size == 0


def test_the_plain_perceptron_is_that_of_the_formula():
    for norm in ("none", "before", "after"):
        net = nn.MLP(hidden=(6, 6), activation="mish", layer_norm=norm)
        net = net.init(5, 3, key=KEY)
        x = np.float32([[0.5, -1.0, 0.2, 2.0, -0.3]])
        np.testing.assert_allclose(output(net, x[0]), perceptron(net, x)[0], rtol=1e-4, atol=1e-5)
