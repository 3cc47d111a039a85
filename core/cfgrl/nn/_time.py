"""`TimeEmbedding`: the time t of a flow, or the noise level of a diffusion, as an input of a network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl.nn._mlp import Linear

_SIZE = 16
_PERIOD = 10_000.0


class TimeEmbedding(eqx.Module):
    """The scalar t as a vector.

    - `raw`: t itself (size 1), as OGBench's flows take it.
    - `sinusoidal`: cos and sin of scale·t·10⁴^(-k/8), k = 0 … 7 (size 16). CFGRL's ExORL code has scale 10⁴; with the
      number of noise levels as scale the argument is the level's number, as in Diffusion-QL.
    - `sinusoidal-mlp`: those through Linear(16, 32), mish, Linear(32, 16), as in Diffusion-QL (arXiv 2208.06193).

    **Arguments:**

    - `kind`: one of the three.
    - `scale`: what t is multiplied by before the sinusoids.
    - `key`: random key; only `sinusoidal-mlp` draws from it.
    """

    layers: tuple[Linear, ...]
    kind: str = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(self, kind: str = "raw", *, scale: float = _PERIOD, key: PRNGKeyArray | None = None):
        if kind not in ("raw", "sinusoidal", "sinusoidal-mlp"):
            raise ValueError(f"there is no time embedding {kind!r}")
        self.layers = ()
        if kind == "sinusoidal-mlp":
            if key is None:
                raise ValueError("sinusoidal-mlp has parameters to draw and needs a key")
            first, second = jax.random.split(key)
            self.layers = (Linear(_SIZE, 2 * _SIZE, key=first), Linear(2 * _SIZE, _SIZE, key=second))
        self.kind = kind
        self.scale = float(scale)

    @property
    def size(self) -> int:
        """Length of the embedding."""
        return 1 if self.kind == "raw" else _SIZE

    def __call__(self, t: Float[Array, ""]) -> Float[Array, " size"]:
        if self.kind == "raw":
            return t[None]
        half = _SIZE // 2
        frequencies = np.exp(-np.log(_PERIOD) * np.arange(half) / half).astype(np.float32)
        angles = t * self.scale * jnp.asarray(frequencies)
        x = jnp.concatenate([jnp.cos(angles), jnp.sin(angles)])
        for layer in self.layers[:-1]:
            x = jax.nn.mish(layer(x))
        return self.layers[-1](x) if self.layers else x
