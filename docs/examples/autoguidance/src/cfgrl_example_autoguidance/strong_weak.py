"""A strong policy and a weak one, trained side by side, so that guidance can push away from the weak one's mistakes."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Condition, ConfigError, Field, FieldPolicy


class StrongWeakNet(eqx.Module):
    """The parameters of both; they share none."""

    strong: Any
    weak: Any


class StrongWeak(FieldPolicy):
    """Acts as `strong` does, and knows beside it what a weaker policy, trained on the same data, would predict.

    The loss is the sum of both policies' losses. Since they share no parameters, each is trained as it would be alone.
    `field`, samples and densities are those of `strong`; `weak_field` is the other one's field.

    Both fields are read at one place and one time, so they must mean the same by them: the two are policies of one
    class, and differ in their networks only. A step of a solver may differ too; the levels of a diffusion may not.

    **Arguments:**

    - `strong`: the policy that acts. It has no default: which policies there are is not for this package to know.
    - `weak`: the same with a smaller network.

    Source: Karras et al., Guiding a Diffusion Model with a Bad Version of Itself (arXiv 2406.02507). Theirs is weaker
    by a smaller network and by shorter training; here both are trained for as long.
    """

    strong: FieldPolicy
    weak: FieldPolicy

    def __check_init__(self) -> None:
        kinds = {"strong": type(self.strong), "weak": type(self.weak)}
        for name, kind in kinds.items():
            if not issubclass(kind, FieldPolicy):
                raise ConfigError(f"StrongWeak combines fields, and {kind.__name__} has none: choose another {name}.")
        if kinds["strong"] is not kinds["weak"]:
            raise ConfigError(
                f"StrongWeak combines two fields at one place and time, which {kinds['strong'].__name__} and "
                f"{kinds['weak'].__name__} do not mean alike: let both be of one kind, and differ in their networks."
            )

    @property
    def provides(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Two fields, and the density and mode that the strong policy may have."""
        return frozenset({"field", "weak-field"}) | (self.strong.provides & {"log-prob", "mode"})

    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> StrongWeakNet:
        """Initial parameters of both."""
        strong_key, weak_key = jax.random.split(key)
        return StrongWeakNet(
            self.strong.init(observation, target, condition, key=strong_key),
            self.weak.init(observation, target, condition, key=weak_key),
        )

    def loss(
        self,
        net: StrongWeakNet,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        """The sum of both losses."""
        strong_key, weak_key = jax.random.split(key)
        strong = self.strong.loss(net.strong, observation, target, condition, key=strong_key)
        return strong + self.weak.loss(net.weak, observation, target, condition, key=weak_key)

    def weak_field(self, net: StrongWeakNet, observation: Float[Array, "*observation"], condition: Condition) -> Field:
        """The weak policy's prediction: what the capability `weak-field` stands for."""
        return self.weak.field(net.weak, observation, condition)

    def field(self, net: StrongWeakNet, observation: Float[Array, "*observation"], condition: Condition) -> Field:
        """The strong policy's prediction."""
        return self.strong.field(net.strong, observation, condition)

    def sample(
        self, net: StrongWeakNet, observation: Float[Array, "*observation"], condition: Condition, *, key: PRNGKeyArray
    ) -> Float[Array, " target"]:
        """A sample of the strong policy."""
        return self.strong.sample(net.strong, observation, condition, key=key)

    def mode(
        self, net: StrongWeakNet, observation: Float[Array, "*observation"], condition: Condition
    ) -> Float[Array, " target"]:
        """The strong policy's mode, where it has one."""
        return self.strong.mode(net.strong, observation, condition)

    def integrate(self, net: StrongWeakNet, field: Field, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        """Noise carried along `field` by the strong policy's solver."""
        return self.strong.integrate(net.strong, field, key=key)

    def denoise(
        self, prediction: Float[Array, " target"], x: Float[Array, " target"], t: Float[Array, ""]
    ) -> Float[Array, " target"]:
        """As the strong policy does."""
        return self.strong.denoise(prediction, x, t)

    def tilt(
        self,
        prediction: Float[Array, " target"],
        x: Float[Array, " target"],
        t: Float[Array, ""],
        score: Float[Array, " target"],
    ) -> Float[Array, " target"]:
        """As the strong policy does."""
        return self.strong.tilt(prediction, x, t, score)

    def field_log_prob(self, net: StrongWeakNet, field: Field, target: Float[Array, " target"]) -> Float[Array, ""]:
        """The density of samples along `field`, where the strong policy knows it."""
        return self.strong.field_log_prob(net.strong, field, target)
