"""Flow matching: times and solvers against NumPy and against what an exact field on a Gaussian implies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import perceptron

from cfgrl import Condition, nn
from cfgrl_plugins.policies.flow_matching import FlowMatching

OBSERVATION, TARGET, GOAL = np.float32([0.3, -1.2]), np.float32([0.4, -0.6]), np.float32([0.7])
CONDITION = Condition.of(jnp.asarray(GOAL))
MEAN, STD = -0.4, 0.2


def velocity(x, t):
    """E[x₁ − x₀ | x_t] for x₁ ~ N(MEAN, STD²) and x₀ ~ N(0, 1)."""
    return MEAN + (t * STD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * STD**2) * (x - t * MEAN)


@pytest.mark.parametrize("time", ["raw", "sinusoidal"])
@pytest.mark.parametrize("grid", [None, 4])
def test_the_loss_is_the_squared_error_of_the_velocity(time: str, grid: int | None):
    policy = FlowMatching(nn.MLP(hidden=(8, 8)), time=time, time_grid=grid)
    net = policy.init(jnp.asarray(OBSERVATION), jnp.asarray(TARGET), CONDITION, key=jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 12)
    seen, target = jnp.asarray(OBSERVATION), jnp.asarray(TARGET)
    losses = jax.jit(jax.vmap(lambda k: policy.loss(net, seen, target, CONDITION, key=k)))(keys)
    times = []
    for key, loss in zip(keys, losses, strict=True):
        noise_key, time_key = jax.random.split(key)
        noise = np.asarray(jax.random.normal(noise_key, (2,)))
        t = float(jax.random.uniform(time_key)) if grid is None else int(jax.random.randint(time_key, (), 0, 5)) / 4
        times.append(t)
        angles = t * 10_000.0 ** (1 - np.arange(8) / 8)
        embedded = [t] if time == "raw" else np.concatenate([np.cos(angles), np.sin(angles)])
        inputs = np.concatenate([OBSERVATION, GOAL, (1 - t) * noise + t * TARGET, embedded])
        error = perceptron(net.velocity, inputs[None])[0] - (TARGET - noise)
        # Angles of ten thousand radians leave float32 four digits.
        assert float(loss) == pytest.approx(np.mean(error**2), rel=1e-4 if time == "raw" else 1e-2)
    assert grid is None or {0.0, 1.0} <= set(times) <= {0.0, 0.25, 0.5, 0.75, 1.0}


def carried(solver: str, steps: int, x: float) -> float:
    """By hand, in double precision."""
    h = 1 / steps
    for k in range(steps):
        slope = velocity(x, k * h)
        if solver == "heun":
            slope = (slope + velocity(x + h * slope, (k + 1) * h)) / 2
        x = x + h * slope
    return x


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_solvers_follow_the_hand_recursion_and_converge_at_their_order(solver: str):
    errors = []
    for steps in (8, 16, 32, 64):
        ours = FlowMatching(steps=steps, solver=solver).carry(velocity, jnp.array([1.3]))
        by_hand = carried(solver, steps, 1.3)
        assert float(ours[0]) == pytest.approx(by_hand, abs=2e-6)
        # The exact flow carries the quantiles of N(0, 1) to those of N(MEAN, STD²).
        errors.append(abs(by_hand - (MEAN + STD * 1.3)))
    order = {"euler": 1, "heun": 2}[solver]
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(order, abs=0.2)
    assert errors[-1] < {"euler": 3e-2, "heun": 2e-3}[solver]


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_denoise_is_the_posterior_mean_at_any_time(t: float):
    x = jnp.array([0.7])
    clean = FlowMatching().denoise(velocity(x, t), x, jnp.float32(t))
    gain = t * STD**2 / ((1 - t) ** 2 + t**2 * STD**2)
    assert float(clean[0]) == pytest.approx(MEAN + gain * (0.7 - t * MEAN), abs=1e-6)


def test_tilt_is_the_velocity_of_the_score_and_finite_at_the_start():
    policy, x = FlowMatching(steps=10), jnp.array([0.7])
    for t in (0.3, 1.0):
        # v = x/t + ((1 − t)/t)·score, from no score at all.
        score = -(0.7 - t * MEAN) / ((1 - t) ** 2 + t**2 * STD**2)
        tilted = policy.tilt(x / t, x, jnp.float32(t), jnp.array([score]))
        np.testing.assert_allclose(tilted, velocity(x, t), atol=1e-5)
    start = policy.tilt(jnp.zeros(1), x, jnp.float32(0.0), jnp.ones(1))
    assert float(start[0]) == pytest.approx(0.95 / 0.05, rel=1e-5)


def test_an_embedding_of_time_leaves_the_other_parameters_as_they_were():
    def parameters(time: str):
        policy = FlowMatching(nn.MLP(hidden=(8,)), time=time)
        return policy.init(jnp.asarray(OBSERVATION), jnp.asarray(TARGET), CONDITION, key=jax.random.key(0))

    raw, embedded = parameters("raw"), parameters("sinusoidal-mlp")
    np.testing.assert_array_equal(raw.encoder.condition.null_context, embedded.encoder.condition.null_context)
    assert len(jax.tree.leaves(raw.time)) == 0 and len(jax.tree.leaves(embedded.time)) == 4
    assert embedded.velocity.layers[0].weight.shape[1] == raw.velocity.layers[0].weight.shape[1] + 15
