"""Guidance that acts as the policy does, whatever it did in training."""

from typing import Any

from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import ConfigError, Field, Given, Guidance


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

    def sample(self, given: Given, weight: Any, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        del weight
        condition = self.plain(given.context)
        if self.by_mode:
            return given.policy.mode(given.net, given.observation, condition)
        return given.policy.sample(given.net, given.observation, condition, key=key)

    def field(self, given: Given, weight: Any) -> Field:
        del weight
        if self.by_mode:
            raise ConfigError(f'{type(self).__name__} that acts by the mode has no field: set act to "sample".')
        return given.field(self.plain(given.context))
