"""Diffusion: schedules and posteriors against their formulas, the loss against NumPy, samplers against closed forms."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import perceptron

from cfgrl import Condition, ConfigError, Given, nn
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.policies import _diffusion
from cfgrl_plugins.policies.ddpm import DDPM, DiffusionNet

SCHEDULES = ("vp", "linear", "cosine")
MEAN, STD, STD_U = -0.4, 0.2, 0.5
NULL = 99.0


def shares(schedule: str, steps: int) -> list[float]:
    """ᾱ_0 … ᾱ_T, multiplied up from β."""
    found = [1.0]
    for beta in _diffusion.betas(schedule, steps):
        found.append(found[-1] * (1 - float(beta)))
    return found


def test_the_vp_schedule_is_diffusion_qls_and_ends_in_the_same_noise_for_any_number_of_steps():
    first = 1 - math.exp(-0.1 / 5 - 0.5 * (10 - 0.1) * 1 / 25)
    last = 1 - math.exp(-0.1 / 5 - 0.5 * (10 - 0.1) * 9 / 25)
    np.testing.assert_allclose(_diffusion.betas("vp", 5)[[0, 4]], [first, last])
    for steps in (1, 5, 50):
        assert _diffusion.signal("vp", steps)[-1] == pytest.approx(math.exp(-0.1 - 0.5 * 9.9))


def test_the_linear_schedule_is_ho_et_als_at_a_thousand_steps_and_scaled_at_others():
    np.testing.assert_allclose(_diffusion.betas("linear", 1000)[[0, 999]], [1e-4, 2e-2])
    assert _diffusion.signal("linear", 100)[-1] == pytest.approx(_diffusion.signal("linear", 1000)[-1], rel=0.5)
    assert _diffusion.betas("linear", 5).max() == 0.999


def test_the_cosine_schedule_follows_the_cosine_except_for_its_clipped_end():
    def share(k: int) -> float:
        return math.cos((k / 20 + 0.008) / 1.008 * math.pi / 2) ** 2

    expected = [share(k) / share(0) for k in range(20)]
    np.testing.assert_allclose(_diffusion.signal("cosine", 20)[:20], expected, rtol=1e-12)
    assert _diffusion.betas("cosine", 20)[-1] == 0.999


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", ["ancestral", "implicit"])
def test_a_reverse_step_carries_the_law_of_one_level_to_that_of_the_next(schedule: str, sampler: str):
    steps = 7
    plan = _diffusion.ancestral(schedule, steps) if sampler == "ancestral" else _diffusion.implicit(schedule, steps, 3)
    share = shares(schedule, steps)
    levels = [*plan.level.tolist(), 0]
    assert levels == ([7, 6, 5, 4, 3, 2, 1, 0] if sampler == "ancestral" else [7, 4, 1, 0])
    for i, (now, before) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
        # x_now = √ᾱ·x₀ + √(1 − ᾱ)·ε given x₀, so the next has mean √ᾱ'·x₀ and variance 1 − ᾱ'.
        mean = plan.clean[i] + plan.noisy[i] * math.sqrt(share[now])
        variance = plan.noisy[i] ** 2 * (1 - share[now]) + plan.spread[i] ** 2
        assert mean == pytest.approx(math.sqrt(share[before]))
        assert variance == pytest.approx(1 - share[before], abs=1e-12)
    assert plan.spread[-1] == 0


def test_the_posterior_is_ho_et_als():
    steps, share, beta = 5, shares("vp", 5), _diffusion.betas("vp", 5)
    plan = _diffusion.ancestral("vp", steps)
    for i, k in enumerate(range(steps, 0, -1)):
        now, before, b = share[k], share[k - 1], beta[k - 1]
        assert plan.clean[i] == pytest.approx(math.sqrt(before) * b / (1 - now))
        assert plan.noisy[i] == pytest.approx(math.sqrt(1 - b) * (1 - before) / (1 - now))
        assert plan.spread[i] ** 2 == pytest.approx((1 - before) / (1 - now) * b)


def test_the_loss_is_the_squared_error_of_the_noise():
    policy = DDPM(nn.MLP(hidden=(8, 8), activation="mish"))
    observation, target, goal = np.array([0.3, -0.2, 0.8], np.float32), np.float32([0.5, -0.9]), np.float32([1.0])
    condition = Condition.of(jnp.asarray(goal))
    net = policy.init(jnp.asarray(observation), jnp.asarray(target), condition, key=jax.random.key(2))
    keys = jax.random.split(jax.random.key(1), 6)
    ours = jax.jit(
        jax.vmap(lambda k: policy.loss(net, jnp.asarray(observation), jnp.asarray(target), condition, key=k))
    )(keys)

    share, levels = shares("vp", 5), set()
    for key, loss in zip(keys, ours, strict=True):
        noise_key, level_key, _ = jax.random.split(key, 3)
        noise = np.asarray(jax.random.normal(noise_key, (2,)))
        level = int(jax.random.randint(level_key, (), 1, 6))
        levels.add(level)
        noisy = math.sqrt(share[level]) * target + math.sqrt(1 - share[level]) * noise
        angles = level * 10_000.0 ** (-np.arange(8) / 8)
        hidden = np.concatenate([np.cos(angles), np.sin(angles)])
        first, second = net.time.layers
        hidden = np.asarray(first.weight, np.float64) @ hidden
        hidden = np.asarray(second.weight, np.float64) @ (hidden * np.tanh(np.log1p(np.exp(hidden))))
        predicted = perceptron(net.noise, np.concatenate([observation, goal, noisy, hidden])[None])[0]
        assert float(loss) == pytest.approx(np.mean((predicted - noise) ** 2), rel=1e-4)
    assert len(levels) > 2


class ExactNoise(eqx.Module):
    """In the place of a network: E[ε | x_k] for Gaussian targets; reads (observation, goal or null, x, t)."""

    share: jax.Array

    def __call__(self, inputs):
        _, goal, x, t = inputs
        now = self.share[jnp.round(t * (self.share.size - 1)).astype(jnp.int32)]

        def expected(mean, std):
            return jnp.sqrt(1 - now) * (x - jnp.sqrt(now) * mean) / (now * std**2 + 1 - now)

        return jnp.where(goal == NULL, expected(0.3, STD_U), expected(goal, STD))[None]


def exact_net(policy: DDPM) -> DiffusionNet:
    encoder = nn.Input(nn.MLP(), jnp.zeros(1), Condition.of(jnp.zeros(1)), key=jax.random.key(0))
    encoder = eqx.tree_at(lambda e: e.condition.null_context, encoder, jnp.array([NULL]))
    share = jnp.asarray(shares(policy.schedule, policy.steps), jnp.float32)
    return DiffusionNet(encoder, nn.TimeEmbedding(), ExactNoise(share), 1)


def law(policy: DDPM, weight: float) -> tuple[float, float]:
    """Mean and standard deviation of the sampler's map, which is affine in x and in the noise added on the way."""
    share = shares(policy.schedule, policy.steps)
    mean, variance = 0.0, 1.0
    if policy.sampler == "ddpm":
        levels = list(range(policy.steps, -1, -1))
    else:
        taken = policy.sampling_steps or policy.steps
        levels = [*(round(level) for level in np.linspace(policy.steps, 1, taken)), 0]
    for k, j in zip(levels[:-1], levels[1:], strict=True):
        now, before = share[k], share[j]

        def epsilon(x, now=now):
            def expected(m, s):
                return math.sqrt(1 - now) * (x - math.sqrt(now) * m) / (now * s**2 + 1 - now)

            return expected(0.3, STD_U) + weight * (expected(MEAN, STD) - expected(0.3, STD_U))

        def moved(x, now=now, before=before, k=k):
            if policy.sampler == "ddim":
                clean = (x - math.sqrt(1 - now) * epsilon(x)) / math.sqrt(now)
                return math.sqrt(before) * clean + math.sqrt(1 - before) * epsilon(x)
            beta = 1 - now / before
            return (x - beta / math.sqrt(1 - now) * epsilon(x)) / math.sqrt(1 - beta)

        slope = moved(1.0) - moved(0.0)
        added = (1 - before) / (1 - now) * (1 - now / before) if policy.sampler == "ddpm" else 0.0
        mean, variance = slope * mean + moved(0.0), slope**2 * variance + added
    return mean, math.sqrt(variance)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"steps": 30, "schedule": "cosine"},
        {"steps": 60, "schedule": "linear"},
        {"sampler": "ddim"},
        {"sampler": "ddim", "steps": 20, "sampling_steps": 5},
    ],
    ids=str,
)
def test_the_guided_samplers_follow_the_law_of_their_discrete_map(options: dict):
    policy, n, weights = DDPM(clamp=None, **options), 20_000, jnp.array([0.0, 1.0, 2.0])
    net = exact_net(policy)

    def one(key, weight):
        return CFG().sample(Given(policy, net, jnp.zeros(1), jnp.array([MEAN])), weight, key=key)[0]

    draw = jax.jit(jax.vmap(jax.vmap(one, in_axes=(0, None)), in_axes=(None, 0)))
    for samples, weight in zip(np.asarray(draw(jax.random.split(jax.random.key(1), n), weights)), weights, strict=True):
        mean, std = law(policy, float(weight))
        assert abs(samples.mean() - mean) < 5 * std / np.sqrt(n)
        assert abs(samples.std() - std) < 5 * std / np.sqrt(2 * n)


def test_many_steps_sample_the_conditional_gaussian():
    for sampler in ("ddpm", "ddim"):
        mean, std = law(DDPM(steps=1000, schedule="linear", sampler=sampler), 1.0)
        assert (mean, std) == (pytest.approx(MEAN, abs=5e-3), pytest.approx(STD, abs=5e-3))


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_the_clean_estimate_is_clamped_at_every_step(sampler: str):
    policy, key = DDPM(clamp=0.1, sampler=sampler), jax.random.key(3)
    net, condition = exact_net(policy), Condition.of(jnp.array([MEAN]))
    sample = eqx.filter_jit(policy.sample)(net, jnp.zeros(1), condition, key=key)

    share = shares("vp", 5)
    first_key, steps_key = jax.random.split(key)
    x = float(jax.random.normal(first_key, (1,))[0])
    noise = np.asarray(jax.random.normal(steps_key, (5, 1)))[:, 0]
    for i, k in enumerate(range(5, 0, -1)):
        now, before, beta = share[k], share[k - 1], 1 - share[k] / share[k - 1]
        epsilon = math.sqrt(1 - now) * (x - math.sqrt(now) * MEAN) / (now * STD**2 + 1 - now)
        clean = min(max((x - math.sqrt(1 - now) * epsilon) / math.sqrt(now), -0.1), 0.1)
        if sampler == "ddim":
            x = math.sqrt(before) * clean + math.sqrt(1 - before) * (x - math.sqrt(now) * clean) / math.sqrt(1 - now)
        else:
            mean = math.sqrt(before) * beta * clean + math.sqrt(1 - beta) * (1 - before) * x
            x = mean / (1 - now) + math.sqrt((1 - before) / (1 - now) * beta) * float(noise[i])
    assert float(sample[0]) == pytest.approx(x, abs=1e-5)
    assert abs(x) <= 0.1 + 1e-6


def test_denoise_is_the_posterior_mean_and_tilt_adds_a_score():
    policy, x = DDPM(), jnp.array([0.7])
    field = policy.field(exact_net(policy), jnp.zeros(1), Condition.of(jnp.array([MEAN])))
    for k in (1, 3, 5):
        t, now = jnp.float32(k / 5), shares("vp", 5)[k]
        gain = math.sqrt(now) * STD**2 / (now * STD**2 + 1 - now)
        clean = policy.denoise(field(x, t), x, t)
        assert float(clean[0]) == pytest.approx(MEAN + gain * (0.7 - math.sqrt(now) * MEAN), abs=1e-5)
        score = -(0.7 - math.sqrt(now) * MEAN) / (now * STD**2 + 1 - now)
        tilted = policy.tilt(jnp.zeros(1), x, t, jnp.array([score]))
        np.testing.assert_allclose(tilted, field(x, t), atol=1e-6)


def test_the_gradient_goes_through_every_step_of_the_sampler():
    policy = DDPM(nn.MLP(hidden=(8,)), clamp=None)
    condition = Condition.of(None)
    net = policy.init(jnp.zeros(2), jnp.zeros(2), condition, key=jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 4)

    def total(scale):
        # A factor on the prediction of one level at a time.
        def one(key):
            field = policy.field(net, jnp.ones(2), condition)
            level = jnp.arange(1, 6, dtype=jnp.float32) / 5

            def scaled(x, t):
                return field(x, t) * jnp.sum(jnp.where(jnp.isclose(level, t), scale, 0.0))

            return jnp.sum(policy.integrate(net, scaled, key=key))

        return jnp.sum(jax.vmap(one)(keys))

    gradient = jax.jit(jax.grad(total))(jnp.ones(5))
    assert np.isfinite(gradient).all() and (np.abs(gradient) > 1e-6).all()


def test_the_clamp_and_other_traced_values_are_not_parameters():
    policy = DDPM(nn.MLP(hidden=(4,)))
    net = policy.init(jnp.zeros(1), jnp.zeros(1), Condition.of(None), key=jax.random.key(0))
    assert {leaf.ndim for leaf in jax.tree.leaves(eqx.filter(net, eqx.is_array))} == {1, 2}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sampling_steps": 3}, "posterior variances belong to the 5 noise levels"),
        ({"sampling_steps": 0}, "give 1 to 5"),
        ({"sampler": "ddim", "sampling_steps": 6}, "knows the 5 noise levels"),
    ],
)
def test_steps_that_the_sampler_cannot_take_are_refused(options: dict, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        DDPM(**options)
    DDPM(sampling_steps=5)
