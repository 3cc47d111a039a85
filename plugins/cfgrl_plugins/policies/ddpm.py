"""Denoising diffusion: learn the noise in noisy actions, sample by removing it level by level."""

from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Condition, ConfigError, Field, FieldPolicy, Network, scalar
from cfgrl.nn import MLP, Input, TimeEmbedding
from cfgrl_plugins.policies._diffusion import ReverseSteps, ancestral, implicit, signal
from cfgrl_plugins.policies._prediction import prediction


class DiffusionNet(eqx.Module):
    """The parameters: what reads observation and condition, the time embedding, and the noise network."""

    encoder: Input
    time: TimeEmbedding
    noise: Any
    target_size: int = eqx.field(static=True)


class DDPM(FieldPolicy):
    """Diffusion by noise prediction.

    With ε ~ N(0, I), target x₀, k uniform on 1 … T and x_k = √ᾱ_k·x₀ + √(1 - ᾱ_k)·ε, the loss is mean over components
    of (ε̂(x_k, k/T | s, c) - ε)². The field is (x, t) -> ε̂ for t = k/T in (0, 1]. Sampling starts from noise at t = 1
    and goes down the levels, each step using the clean estimate x̂₀ = (x - √(1 - ᾱ)·ε̂)/√ᾱ, clamped.

    **Arguments:**

    - `network`: the noise network, reading the observation, the condition, x and t (3 × 256 mish in Diffusion-QL).
    - `steps`: T, the number of noise levels trained on.
    - `schedule`: β_k: `vp` as in Diffusion-QL; `linear` (scaled by 1000/T, so for T of about 50 and more); `cosine`.
    - `sampler`: `ddpm` draws from the posterior of each level; `ddim` is deterministic after the first noise.
    - `sampling_steps`: levels visited when sampling, all if not given; only `ddim` can leave any out.
    - `clamp`: bound of the clean estimate at each step: 1 for actions; "none" for subgoals, which have no box.
    - `time`: how t enters the network: `raw`, `sinusoidal` of the level's number k, or that through a small MLP.

    Raises `ConfigError` for a `sampling_steps` that `sampler` cannot take.

    Source: Ho et al. (arXiv 2006.11239); Diffusion-QL (arXiv 2208.06193). Its code numbers levels from 0 in the
    embedding and divides the frequencies differently; a ddim step here follows the clamped estimate.
    """

    network: Network = eqx.field(default_factory=lambda: MLP(hidden=(256, 256, 256), activation="mish"))
    steps: Annotated[int, Ge(1)] = 5
    schedule: Literal["vp", "linear", "cosine"] = "vp"
    sampler: Literal["ddpm", "ddim"] = "ddpm"
    sampling_steps: int | None = None
    clamp: Float[Array, ""] | None = scalar(1.0, gt=0.0, optional=True)
    time: Literal["raw", "sinusoidal", "sinusoidal-mlp"] = "sinusoidal-mlp"

    provides = frozenset({"field"})

    def __check_init__(self) -> None:
        taken = self.sampling_steps
        if taken is None:
            return
        if not 1 <= taken <= self.steps:
            raise ConfigError(
                f"ddpm: sampling_steps = {taken}, but the network knows the {self.steps} noise levels of `steps` and "
                f"no others; give 1 to {self.steps}, or leave it out for all of them."
            )
        if self.sampler == "ddpm" and taken != self.steps:
            raise ConfigError(
                f"ddpm: sampling_steps = {taken} with sampler 'ddpm', whose posterior variances belong to the "
                f"{self.steps} noise levels that were trained on: leaving some out would add the wrong noise. Choose "
                "sampler = 'ddim', which may skip levels, or leave sampling_steps out."
            )

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> DiffusionNet:
        encoder_key, network_key, time_key = jax.random.split(key, 3)
        encoder = Input(self.network, observation, condition, key=encoder_key)
        time = TimeEmbedding(self.time, scale=float(self.steps), key=time_key)
        in_size = encoder.size + target.size + time.size
        return DiffusionNet(encoder, time, self.network.init(in_size, target.size, key=network_key), target.size)

    def loss(
        self,
        net: DiffusionNet,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        noise_key, level_key, network_key = jax.random.split(key, 3)
        noise = jax.random.normal(noise_key, target.shape)
        t = jax.random.randint(level_key, (), 1, self.steps + 1).astype(noise.dtype) / self.steps
        share = self._signal(t)
        noisy = jnp.sqrt(share) * target + jnp.sqrt(1.0 - share) * noise
        predicted = self._field(net, observation, condition, network_key)(noisy, t)
        return jnp.mean((predicted - noise) ** 2)

    def field(self, net: DiffusionNet, observation: Float[Array, "*observation"], condition: Condition) -> Field:
        return self._field(net, observation, condition, None)

    def integrate(self, net: DiffusionNet, field: Field, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        first_key, steps_key = jax.random.split(key)
        plan = self._plan()
        noise = jax.random.normal(steps_key, (len(plan.level), net.target_size))
        t = jnp.asarray(plan.level / self.steps, noise.dtype)
        clean, noisy, spread = (jnp.asarray(part, noise.dtype) for part in (plan.clean, plan.noisy, plan.spread))

        def step(x: Float[Array, " target"], now: tuple[Array, ...]) -> tuple[Float[Array, " target"], None]:
            t, clean, noisy, spread, noise = now
            estimate = self.denoise(field(x, t), x, t)
            if self.clamp is not None:
                estimate = jnp.clip(estimate, -self.clamp, self.clamp)
            return clean * estimate + noisy * x + spread * noise, None

        x = jax.random.normal(first_key, (net.target_size,))
        sample, _ = jax.lax.scan(step, x, (t, clean, noisy, spread, noise))
        return sample

    def denoise(
        self, prediction: Float[Array, " target"], x: Float[Array, " target"], t: Float[Array, ""]
    ) -> Float[Array, " target"]:
        share = self._signal(t)
        return (x - jnp.sqrt(1.0 - share) * prediction) / jnp.sqrt(share)

    def tilt(
        self,
        prediction: Float[Array, " target"],
        x: Float[Array, " target"],
        t: Float[Array, ""],
        score: Float[Array, " target"],
    ) -> Float[Array, " target"]:
        del x
        return prediction - jnp.sqrt(1.0 - self._signal(t)) * score

    def _signal(self, t: Float[Array, ""]) -> Float[Array, ""]:
        """ᾱ of the noise level nearest to t."""
        level = jnp.clip(jnp.round(t * self.steps).astype(jnp.int32), 1, self.steps)
        return jnp.asarray(signal(self.schedule, self.steps), t.dtype)[level]

    def _plan(self) -> ReverseSteps:
        if self.sampler == "ddpm":
            return ancestral(self.schedule, self.steps)
        return implicit(self.schedule, self.steps, self.sampling_steps or self.steps)

    def _field(
        self,
        net: DiffusionNet,
        observation: Float[Array, "*observation"],
        condition: Condition,
        key: PRNGKeyArray | None,
    ) -> Field:
        return prediction(net.noise, net.time, net.encoder(observation, condition), key)
