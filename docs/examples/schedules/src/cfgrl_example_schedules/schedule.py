"""Schedules: how much the guidance weight counts at a time of the sampler."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cfgrl import scalar


class Schedule(eqx.Module):
    """Base of the family: a function s(t) in [0, 1] of the time t in [0, 1]."""

    @abc.abstractmethod
    def __call__(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """How much the weight counts at time t, shape `()`."""


class Flat(Schedule):
    """s(t) = 1: what guidance does without a schedule."""

    def __call__(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """One."""
        return jnp.ones_like(t)


class Interval(Schedule):
    """s(t) = 1 while start ≤ t < end, else 0.

    **Arguments:**

    - `start`: first time at which the weight counts.
    - `end`: first time at which it counts no more.

    Source: Kynkäänniemi et al. (arXiv 2404.07724).
    """

    start: Float[Array, ""] = scalar(0.2, ge=0.0, le=1.0)
    end: Float[Array, ""] = scalar(0.8, ge=0.0, le=1.0)

    def __call__(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """One inside the interval."""
        return jnp.where((self.start <= t) & (t < self.end), 1.0, 0.0)


class Ramp(Schedule):
    """s(t) = t^power: the weight counts more towards the action.

    **Arguments:**

    - `power`: 1 for a straight line.
    """

    power: Float[Array, ""] = scalar(1.0, gt=0.0)

    def __call__(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """A power of the time."""
        return t**self.power


def stays_between_zero_and_one(schedule: Any) -> None:
    """s(t) is one number in [0, 1] at every time."""
    values = jax.vmap(schedule)(jnp.linspace(0.0, 1.0, 65))
    assert values.shape == (65,), f"s(t) has shape {values.shape[1:]}, not ()"
    assert bool(jnp.all((values >= 0) & (values <= 1))), "s(t) leaves [0, 1]"


#: What every schedule is checked for, beside what concerns all components.
CHECKS = (stays_between_zero_and_one,)
