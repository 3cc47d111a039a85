"""Guidance that acts as the policy does, whatever it did in training."""

from typing import Any

from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import ConfigError, Critic, Field, Guidance


class Plain(Guidance):
    """Base of guidance that works in training only: acting is the policy's own sample, or its mode."""

    @property
    def by_mode(self) -> bool:
        """Whether the mode acts."""
        return False

    @property
    def steers(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A mode is not the end of a field."""
        return not self.by_mode

    def sample(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "*observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, " target"]:
        del critic, weight
        if self.by_mode:
            return policy.mode(net, observation, self.plain(context))
        return policy.sample(net, observation, self.plain(context), key=key)

    def field(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "*observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
    ) -> Field:
        del critic, weight
        if self.by_mode:
            raise ConfigError(f'{type(self).__name__} that acts by the mode has no field: set act to "sample".')
        return policy.field(net, observation, self.plain(context))
