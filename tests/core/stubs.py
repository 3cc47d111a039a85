"""A policy and a critic simple enough to compute by hand, in the place of networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cfgrl import FieldPolicy, Given, Label


class StubPolicy(FieldPolicy):
    """Its loss tells what condition it was given; a sample is `net` plus noise; the field is `net` and what it is told.

    loss = (target · 1)·(1 + 10·[context known] + 100·[optimality known]·(optimality · (1, 2, 3, …)))
    """

    provides = frozenset({"field", "mode"})

    def init(self, observation, target, condition, *, key):
        del observation, condition, key
        return jnp.zeros(target.shape)

    @staticmethod
    def told(condition):
        told = 1.0 + 10.0 * condition.context_known.astype(jnp.float32)
        if condition.optimality is not None:
            level = condition.optimality @ jnp.arange(1.0, condition.optimality.shape[0] + 1.0)
            told += 100.0 * condition.optimality_known.astype(jnp.float32) * level
        return told

    def loss(self, net, observation, target, condition, *, key):
        del observation, key
        return jnp.sum(target) * self.told(condition) + 0.0 * jnp.sum(net)

    def sample(self, net, observation, condition, *, key):
        del observation, condition
        return net + jax.random.normal(key, net.shape)

    def mode(self, net, observation, condition):
        del observation, condition
        return net

    def field(self, net, observation, condition):
        del observation
        return lambda x, t: net + self.told(condition) * jnp.ones_like(x)

    def integrate(self, net, field, *, key):
        del net
        return field(jax.random.normal(key, (1,)), jnp.float32(0.5))

    def denoise(self, prediction, x, t):
        return x + (1.0 - t) * prediction

    def tilt(self, prediction, x, t, score):
        del x
        return prediction + (1.0 - t) * score


def critic(observation, target, context, *, which="online"):
    """Two heads, linear and quadratic in the target; the slow ones are half of them."""
    del context
    heads = jnp.stack([jnp.sum(target) + jnp.sum(observation), -jnp.sum(target**2) + 1.0])
    return heads * {"online": 1.0, "target": 0.5}[which]


def batch(advantages, *, context: bool = False, targets=None):
    """A label for each advantage, targets (1, 2, 3, …) unless given."""
    advantages = np.asarray(advantages, np.float32)
    n = len(advantages)
    targets = np.arange(1.0, n + 1.0)[:, None] if targets is None else targets
    goal = jnp.zeros((n, 1)) if context else None
    return jnp.zeros((n, 1)), jax.vmap(Label)(jnp.asarray(targets, jnp.float32), goal, jnp.asarray(advantages))


def loss(guidance, observation, label, *, key=None, net=None):
    """The loss and metrics of a guidance under the stub policy and critic, compiled."""
    net = jnp.zeros(label.target.shape[1:]) if net is None else net
    key = jax.random.key(0) if key is None else key
    return eqx.filter_jit(guidance.loss)(Given(StubPolicy(), net, observation, label.context, critic), label, key=key)


def sample(guidance, n: int, *, weight=None, net=None, observation=None):
    """Samples of a guidance under the stub policy and critic, compiled, shape `(n, target)`."""
    net = jnp.zeros((1,)) if net is None else net
    observation = jnp.zeros((1,)) if observation is None else observation

    def one(key):
        return guidance.sample(Given(StubPolicy(), net, observation, None, critic), weight, key=key)

    return np.asarray(eqx.filter_jit(jax.vmap(one))(jax.random.split(jax.random.key(2), n)))
