"""The guided sampler against laws that can be computed by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cfgrl import Agent, Condition, Data, Given, Optimizer, Stage, act_rows, nn, train
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.policies.flow_matching import FlowMatching, FlowNet

MEAN_U, STD_U, STD_C = 0.3, 0.5, 0.2
NULL = 99.0


def velocity(x, t, mean, std):
    """E[x₁ − x₀ | x_t] for x₁ ~ N(mean, std²), x₀ ~ N(0, 1), x_t = (1 − t)·x₀ + t·x₁."""
    gain = (t * std**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * std**2)
    return mean + gain * (x - t * mean)


class ExactField(eqx.Module):
    """In the place of a network: reads (observation, goal or null, x, t)."""

    def __call__(self, inputs):
        _, goal, x, t = inputs
        conditioned, unconditional = velocity(x, t, goal, STD_C), velocity(x, t, MEAN_U, STD_U)
        return jnp.where(goal == NULL, unconditional, conditioned)[None]


def exact_net() -> FlowNet:
    encoder = nn.Input(nn.MLP(), jnp.zeros(1), Condition.of(jnp.zeros(1)), key=jax.random.key(0))
    encoder = eqx.tree_at(lambda e: e.condition.null_context, encoder, jnp.array([NULL]))
    return FlowNet(encoder, ExactField(), 1)


def law_of_the_discrete_map(goal: float, weight: float, steps: int) -> tuple[float, float]:
    """Mean and standard deviation after Euler steps on the guided field, which is affine in x: x ← a·x + b."""
    scale, shift = 1.0, 0.0
    for k in range(steps):
        t = k / steps

        def guided(x, t=t):
            u, c = velocity(x, t, MEAN_U, STD_U), velocity(x, t, goal, STD_C)
            return u + weight * (c - u)

        intercept = guided(0.0)
        slope = guided(1.0) - intercept
        scale, shift = scale * (1 + slope / steps), shift * (1 + slope / steps) + intercept / steps
    return shift, abs(scale)


@pytest.mark.parametrize("weight", [0.0, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("steps", [4, 16])
def test_the_sampler_follows_the_law_of_the_discrete_guided_map(weight: float, steps: int):
    policy, guidance, net, n = FlowMatching(steps=steps), CFG(), exact_net(), 40_000

    def one(key):
        return guidance.sample(Given(policy, net, jnp.zeros(1), jnp.array([-0.4])), jnp.float32(weight), key=key)

    samples = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), n)))[:, 0]
    mean, std = law_of_the_discrete_map(-0.4, weight, steps)
    assert abs(samples.mean() - mean) < 5 * std / np.sqrt(n)
    assert abs(samples.std() - std) < 5 * std / np.sqrt(2 * n)


def test_many_steps_at_weight_one_sample_the_conditional_gaussian():
    mean, std = law_of_the_discrete_map(-0.4, 1.0, 4000)
    assert mean == pytest.approx(-0.4, abs=1e-3)
    assert std == pytest.approx(STD_C, abs=2e-3)


def two_kinds_of_episodes(n: int = 4000) -> Data:
    """One transition an episode: a ~ N(±0.4, 0.2²), and the place reached says which of the two it was."""
    rng = np.random.default_rng(0)
    kind = rng.choice([-1.0, 1.0], n)
    actions = np.stack([0.4 * kind + 0.2 * rng.normal(size=n), np.zeros(n)], axis=1).reshape(-1, 1)
    goals = np.stack([np.zeros(n), kind], axis=1).reshape(-1, 1)
    terminals = np.tile([0.0, 1.0], n)
    return Data.from_arrays(np.zeros((2 * n, 1)), np.clip(actions, -1, 1), terminals, goals=goals)


@pytest.mark.usefixtures("full_compile")
def test_a_policy_trained_on_gaussians_matches_them_within_five_hundredths():
    policy = FlowMatching(nn.MLP(hidden=(64, 64, 64)), steps=16)
    agent = Agent(Stage(Goals(), policy, CFG(), Optimizer(learning_rate=2e-3)), batch_size=256)
    state = train(agent, two_kinds_of_episodes(), steps=4000, key=jax.random.key(0))

    def sample(goal: float, weight: float, n: int = 4000) -> np.ndarray:
        rows = jnp.zeros((n, 1))
        keys = jax.random.split(jax.random.key(2), n)
        return np.asarray(act_rows(agent, state, rows, rows + goal, jnp.full(n, weight), keys))[:, 0]

    for goal in (-1.0, 1.0):
        conditioned = sample(goal, 1.0)
        assert conditioned.mean() == pytest.approx(0.4 * goal, abs=0.05)
        assert conditioned.std() == pytest.approx(0.2, abs=0.05)
    unconditional = sample(1.0, 0.0)
    assert unconditional.mean() == pytest.approx(0.0, abs=0.05)
    assert unconditional.std() == pytest.approx(np.sqrt(0.4**2 + 0.2**2), abs=0.05)
    # p(a)·p(g|a)^w moves all mass to the goal's own mode, away from the other one, as w grows.
    assert (sample(1.0, 2.0) > 0).mean() > (sample(1.0, 1.0) > 0).mean() > 0.94
