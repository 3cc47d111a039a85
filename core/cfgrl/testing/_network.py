"""Checks for networks."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl.testing._check import rule
from cfgrl.testing._parts import all_finite, floats_are_float32, same, stirred

KEY = jax.random.key(0)
IMAGE = (16, 16, 3)


@rule()
def network_maps_sizes(network: Any) -> None:
    """`init(n, m)` gives a callable from shape (n,) to finite numbers of shape (m,), under `jit` and `vmap`."""
    for n, m in ((5, 3), (1, 1)):
        net = network.init(n, m, key=KEY)
        out = eqx.filter_jit(lambda x, net=net: jax.vmap(net)(x))(jnp.ones((4, n)))
        assert out.shape == (4, m) and all_finite(out), (
            f"the network gives shape {out.shape[1:]}, not {(m,)}, or is not finite"
        )


@rule()
def network_repeats(network: Any) -> None:
    """The same key gives the same parameters, another key others; all are float32."""
    net = network.init(5, 3, key=KEY)
    assert same(net, network.init(5, 3, key=KEY)), "the same key gave different parameters"
    assert not same(net, network.init(5, 3, key=jax.random.key(1))), "another key gave the same parameters"
    wrong = floats_are_float32(eqx.filter(net, eqx.is_inexact_array))
    assert not wrong, f"parameters are float32; found {wrong}"


@rule()
def network_learns(network: Any) -> None:
    """The gradient by the parameters is finite and not zero everywhere."""
    net = network.init(5, 3, key=KEY)
    gradient = eqx.filter_grad(lambda n: jnp.sum((n(jnp.arange(5.0)) - 1.0) ** 2))(net)
    leaves = jax.tree.leaves(gradient)
    assert leaves and all_finite(gradient), "the network has no parameters, or its gradient is not finite"
    assert any(bool(jnp.any(leaf != 0)) for leaf in leaves), "the gradient is zero everywhere: nothing would be learnt"


@rule()
def network_sees_its_input(network: Any) -> None:
    """Another input gives another output, in each component of the input."""
    net = stirred(network.init(5, 3, key=KEY))  # A last layer of zeros hides everything before training.
    at = jnp.linspace(-1.0, 1.0, 5)
    slope = jax.jacobian(net)(at)
    assert all_finite(slope), "the derivative by the input is not finite"
    blind = [i for i in range(5) if not bool(jnp.any(slope[:, i] != 0))]
    assert not blind, f"the output does not depend on components {blind} of the input"


@rule(lambda network: network.encoder(IMAGE, key=KEY) is not None)
def encoder_reads_images(network: Any) -> None:
    """Where there is an encoder, it makes one vector of finite float32 numbers of an image."""
    code = eqx.filter_jit(network.encoder(IMAGE, key=KEY))(jnp.linspace(0.0, 1.0, 16 * 16 * 3).reshape(IMAGE))
    assert code.ndim == 1 and code.dtype == jnp.float32 and all_finite(code), "an encoded image is one finite vector"


CHECKS = (network_maps_sizes, network_repeats, network_learns, network_sees_its_input, encoder_reads_images)
