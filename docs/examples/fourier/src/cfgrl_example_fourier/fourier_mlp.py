"""Random Fourier features: a fixed random map that lets a network of low-dimensional inputs learn sharp functions."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Network, scalar
from cfgrl.nn import MLP, call


class FourierNet(eqx.Module):
    """The parameters: the random matrix, which is saved with them and never trained, and the network behind it."""

    frequencies: Float[Array, "features in"]
    network: Any

    #: Passed on to a network behind it that draws (dropout); `cfgrl.nn.call` does the rest.
    takes_key: ClassVar[bool] = True

    def __call__(self, x: Float[Array, " in"], *, key: PRNGKeyArray | None = None) -> Float[Array, " out"]:
        """The network's output for the features of `x`."""
        return call(self.network, self.features(x), key=key)

    def features(self, x: Float[Array, " in"]) -> Float[Array, " 2*features"]:
        """[cos(2πBx), sin(2πBx)]."""
        # An array of a network is a parameter unless its gradient is stopped: then every update leaves it as it was.
        angles = 2.0 * jnp.pi * (jax.lax.stop_gradient(self.frequencies) @ x)
        return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)])


class FourierMLP(Network):
    """A network that sees its input x as [cos(2πBx), sin(2πBx)], B drawn once from N(0, scale²).

    The inner product of two inputs' features, divided by their number, tends to exp(−2π²·scale²·|x − y|²): `scale` is
    the width of the kernel that the network begins with. A small one lets it learn smooth functions only, a large one
    lets it memorise noise. What the network reads is everything that a policy joins to one vector: observation,
    condition, noisy action and time. An image is read by the encoder of `network` first, where that has one.

    **Arguments:**

    - `network`: the network behind the features.
    - `features`: rows of B; the network's input is twice as long.
    - `scale`: standard deviation of the entries of B, in cycles per unit of the input.

    Source: Tancik et al. (arXiv 2006.10739); Rahimi & Recht, Random Features for Large-Scale Kernel Machines, 2007.
    """

    network: Network = eqx.field(default_factory=MLP)
    # A length decides a shape and is a plain number; a scale enters arithmetic and is traced.
    features: Annotated[int, Ge(1)] = 128
    scale: Float[Array, ""] = scalar(0.1, gt=0.0)

    def init(self, in_size: int, out_size: int, *, key: PRNGKeyArray) -> FourierNet:
        """Draw the matrix, and the parameters of the network behind it."""
        matrix_key, network_key = jax.random.split(key)
        frequencies = self.scale * jax.random.normal(matrix_key, (self.features, in_size))
        return FourierNet(frequencies, self.network.init(2 * self.features, out_size, key=network_key))

    def encoder(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Callable[[Array], Float[Array, " code"]] | None:
        """What reads an observation is decided by the network behind the features."""
        return self.network.encoder(shape, key=key)
