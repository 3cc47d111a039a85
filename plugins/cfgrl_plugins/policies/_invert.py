"""The density of x_K, x_0 being Gaussian and each x_{k+1} a smooth function of x_k: change of variables, step by step.

Euler's map x + h·f(x) is one-to-one while h times the slope of f lies above -1. Strong guidance in few steps makes
slopes steeper than that, and then the map folds: a sample is reached from several places, and its density is a sum
over all of them, of which a solver finds one. What one path shows is therefore not enough: the map is also looked at
along the paths of a fixed set of draws, and where it folds on any of them no density is given.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Step = Callable[[Float[Array, " target"], Float[Array, ""]], Float[Array, " target"]]

_NEWTON = 8
_PROBES = 64
_SOLVED = 1e-4


def log_density(step: Step, times: Float[Array, " steps"], target: Float[Array, " target"]) -> Float[Array, ""]:
    """Compute log N(x_0; 0, I) - Σ log det ∂x_{k+1}/∂x_k along the path that ends in `target`.

    NaN where there is no such path within the tolerance (no start of Newton's method arrived, or the path played
    forward ends elsewhere), where two starts arrived at different places, where a determinant on the path is not
    positive, and everywhere if one is not positive on the paths of 64 draws. A fold that holds far less than 1/64 of
    the mass can go unseen.

    **Arguments:**

    - `step`: `(x_k, t_k) -> x_{k+1}`.
    - `times`: t_0 … t_{K-1}.
    - `target`: x_K.
    """

    def back(carry: tuple[Array, Array], t: Array) -> tuple[tuple[Array, Array], None]:
        y, total = carry
        x, found = _solve(lambda x: step(x, t), y)
        sign, log_det = jnp.linalg.slogdet(jax.jacfwd(step)(x, t))
        total = jnp.where(found & (sign > 0), total + log_det, jnp.nan)
        return (x, total), None

    (start, total), _ = jax.lax.scan(back, (target, jnp.zeros_like(target, shape=())), times, reverse=True)
    replayed, _ = jax.lax.scan(lambda x, t: (step(x, t), None), start, times)
    total = jnp.where(_near(replayed, target) & ~_folds(step, times, target.size), total, jnp.nan)
    return -0.5 * jnp.sum(start**2) - 0.5 * target.size * jnp.log(2 * jnp.pi) - total


def _folds(step: Step, times: Float[Array, " steps"], size: int) -> Array:
    """Whether a determinant is not positive somewhere on the paths of a fixed set of draws."""

    def forward(x: Array, t: Array) -> tuple[Array, Array]:
        return step(x, t), jnp.linalg.slogdet(jax.jacfwd(step)(x, t))[0] <= 0

    starts = jax.random.normal(jax.random.key(0), (_PROBES, size))
    _, turned = jax.vmap(lambda x: jax.lax.scan(forward, x, times))(starts)
    return jnp.any(turned)


def _solve(function: Callable[[Array], Array], y: Float[Array, " target"]) -> tuple[Float[Array, " target"], Array]:
    """Solve function(x) = y: x, and whether it was found and is the only one found.

    Each of three starts takes the same number of Newton steps: y moved back by what the function does at y, y itself,
    and y moved the other way.
    """

    def newton(x: Array, _: None) -> tuple[Array, None]:
        return x - jnp.linalg.solve(jax.jacfwd(function)(x), function(x) - y), None

    def search(x: Array) -> tuple[Array, Array]:
        x, _ = jax.lax.scan(newton, x, None, length=_NEWTON)
        return x, _near(function(x), y)

    moved = function(y) - y
    ends, arrived = jax.vmap(search)(jnp.stack([y - moved, y, y + moved]))
    first = ends[jnp.argmax(arrived)]
    agree = jax.vmap(lambda end: _near(end, first))(ends)
    return first, jnp.any(arrived) & jnp.all(agree | ~arrived)


def _near(a: Float[Array, " target"], b: Float[Array, " target"]) -> Array:
    return jnp.max(jnp.abs(a - b)) <= _SOLVED * (1.0 + jnp.max(jnp.abs(b)))
