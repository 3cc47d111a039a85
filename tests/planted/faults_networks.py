"""Faults of networks."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array
from planting import SMALL, planted

from cfgrl import Network


class Around(Network):
    """Around a small perceptron."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=key)


@planted("network_maps_sizes")
class Narrow(Around):
    """One output, whatever is asked for."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, 1, key=key)


@planted("network_repeats")
class Restless(Around):
    """Parameters that no key decides."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=jax.random.key(np.random.randint(2**31)))


@planted("network_repeats")
class Fixed(Around):
    """The same parameters for every key."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=jax.random.key(0))


class Through(eqx.Module):
    """A perceptron with something before it."""

    net: Any
    before: Callable[[Array], Array] = eqx.field(static=True)
    learns: bool = eqx.field(static=True, default=True)

    def __call__(self, x):
        net = self.net if self.learns else jax.tree.map(jax.lax.stop_gradient, self.net)
        return net(self.before(x))


def _without_the_last(x):
    return x.at[-1].set(0.0)


def _moved(x):
    return x + float(np.random.normal())


def _as_it_is(x):
    return x


@planted("network_learns")
class Frozen(Around):
    """Parameters without a gradient."""

    def init(self, in_size, out_size, *, key):
        return Through(eqx.filter(SMALL.init(in_size, out_size, key=key), lambda leaf: True), _as_it_is, learns=False)


@planted("networks_draw_nothing")
class Jittery(Around):
    """Its output is moved by NumPy."""

    def init(self, in_size, out_size, *, key):
        return Through(SMALL.init(in_size, out_size, key=key), _moved)


@planted("network_sees_its_input")
class HalfBlind(Around):
    """Never sees the last component."""

    def init(self, in_size, out_size, *, key):
        return Through(SMALL.init(in_size, out_size, key=key), _without_the_last)


@planted("encoder_reads_images")
class Flattened(Around):
    """An encoder that leaves an image an image."""

    def encoder(self, shape, *, key):
        return (lambda x: x) if len(shape) == 3 else None


@planted("serves_the_built_in_parts")
class Tiny(Around):
    """Refuses more than six inputs."""

    def init(self, in_size, out_size, *, key):
        if in_size > 6:
            raise ValueError("too many inputs")
        return super().init(in_size, out_size, key=key)
