"""`Policy`: a trained agent, ready to act."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._act import act_batch, for_acting
from cfgrl._errors import ConfigError
from cfgrl._stage import Agent, AgentState
from cfgrl.acting._bind import bind
from cfgrl.acting._controller import Controller, as_seen
from cfgrl.acting._density import Density, check_has_density, density


# Not an `equinox.Module`, which makes a new object at every access to a method: two of those take as long as a sampler.
@functools.partial(jax.tree_util.register_dataclass, data_fields=["agent", "state"], meta_fields=["spec"])
@dataclasses.dataclass(frozen=True, eq=False)
class Policy:
    """A trained agent, ready to act; a pytree whose arrays are all in `state`.

    **Arguments:**

    - `agent`, `state`: as `train` took and gave them, for a single agent seed.
    - `spec`: `Data.spec` of what it was trained on, against which observations and goals are checked.
    """

    agent: Agent
    state: AgentState
    spec: dict[str, tuple[tuple[int, ...], str]]

    def act(
        self,
        observation: Any,
        *,
        goal: Any = None,
        weight: Any = None,
        key: PRNGKeyArray,
    ) -> Float[Array, "*batch action"]:
        """An action within [-1, 1] for one observation, or one for each of a batch.

        An agent that generates chunks of actions answers those that it would execute before it looks again, with an
        axis over them before the last one. `controller` hands them out one by one, and remembers frames.

        **Arguments:**

        - `observation`: shape `(observation,)` or `(batch, observation)`, as the environment gives it; with
          `view.frame_stack` = n the newest n of them, joined along the last axis, the newest last.
        - `goal`: likewise; needed where the agent is goal-conditioned and refused where it is not.
        - `weight`: guidance weight w, a number or one a row; the preset's if not given. Another weight never
          compiles anything.
        - `key`: random key; rows of a batch get noise of their own.

        **Raises:** `ConfigError` for a shape, goal or weight that the agent cannot use.
        """
        observation = as_seen(observation, self.spec["observations"][1])
        rows, goals, weights = self._rows("act", observation, goal, weight)
        single = rows is not observation
        # A copy: the device may read the rows after this returns, and an environment may write into its array again.
        return self._acting[single](np.array(rows), goals, weights, key)

    @functools.cached_property
    def _acting(self) -> dict[bool, Callable[..., Array]]:
        """How it acts for a batch and for a single observation; compiled when first called."""
        state = for_acting(self.agent, self.state)
        return {single: bind(act_batch, self.agent, state, single) for single in (False, True)}

    def __getstate__(self) -> dict[str, Any]:
        # Without the compiled functions, which belong to this process.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def log_prob(
        self,
        observation: Any,
        action: Any,
        *,
        goal: Any = None,
        weight: Any = None,
        key: PRNGKeyArray | None = None,
        samples: int = 256,
    ) -> Density:
        """How likely the agent is to take an action: the exact density of its sampler, guidance included.

        **Arguments:**

        - `observation`, `goal`, `weight`: as for `act`.
        - `action`: shape `(action,)` or `(batch, action)`, the actions of a chunk one after another; one for each
          observation, or one of either for all of the other. An action on the border of [-1, 1] may have been clipped
          to it: its density is that before the clip.
        - `key`, `samples`: random key and number of the draws from which `clipped` is estimated.

        Returns a `Density`: `log_prob` in nats before the final clip, and `clipped`, the share of the sampler's mass
        outside [-1, 1].

        **Raises:** `ConfigError` for what `act` refuses and for agents without a density; `NumericError` where the
        guided map from noise to actions folds or cannot be inverted.
        """
        check_has_density(self.agent)
        observation = as_seen(observation, self.spec["observations"][1])
        action = jnp.asarray(action, jnp.float32)
        size, axes = self.agent.chunk * self.spec["actions"][0][0], len(self.spec["observations"][0])
        if action.ndim not in (1, 2) or action.shape[-1] != size:
            raise ConfigError(f"log_prob: action has shape {action.shape}; one has shape {(size,)}.")
        single = action.ndim == 1 and observation.ndim == axes
        if observation.ndim == axes and not single:
            observation = np.broadcast_to(observation, (action.shape[0], *observation.shape))
        rows, goals, weights = self._rows("log_prob", observation, goal, weight)
        _check_rows("log_prob", "action", action, 1, rows.shape[0])
        actions = jnp.broadcast_to(action, (rows.shape[0], size))
        key = jax.random.key(0) if key is None else key
        goals, weights = (None if part is None else jnp.asarray(part) for part in (goals, weights))
        given = (jnp.asarray(rows), goals, weights, actions)
        found = density(self.agent, self.state, *given, key=key, samples=samples)
        return Density(*(part[0] for part in found)) if single else found

    def controller(self, rows: int, *, key: PRNGKeyArray | None = None) -> Controller:
        """A `Controller` that acts for `rows` environments side by side."""
        key = jax.random.key(0) if key is None else key
        types = {name: self.spec[name][1] for name in ("observations", "goals")}
        return Controller(self.agent, self.state, rows, key=key, types=types)

    def _rows(
        self, call: str, observation: np.ndarray, goal: Any, weight: Any
    ) -> tuple[np.ndarray, np.ndarray | None, Any]:
        """Observations, goals and weights with an axis over rows; `observation` itself where it has one."""
        self._check(call, observation, goal, weight)
        rows = observation if observation.ndim > len(self.spec["observations"][0]) else observation[None]
        shape, dtype = self.spec["goals"]
        # On the host: each of these on the device would cost as much as a small sampler.
        goals = None if goal is None else np.broadcast_to(as_seen(goal, dtype), (rows.shape[0], *shape)).copy()
        return rows, goals, _weights(weight, rows.shape[0])

    def _check(self, call: str, observation: np.ndarray, goal: Any, weight: Any) -> None:
        frames = self.agent.view.frame_stack
        for name, value, joined in (("observations", observation, frames), ("goals", goal, 1)):
            *outer, last = self.spec[name][0]
            shape = (*outer, last * joined)
            if value is not None and np.shape(value)[-len(shape) :] != shape:
                frames_are = f": the newest {joined} joined, which a controller remembers" if joined > 1 else ""
                raise ConfigError(
                    f"{call}: {name[:-1]} has shape {np.shape(value)}; one has shape {shape}{frames_are}."
                )
        one = len(self.spec["observations"][0])
        if observation.ndim not in (one, one + 1):
            raise ConfigError(f"{call}: observation has shape {observation.shape}; give one, or one batch of them.")
        rows = observation.shape[0] if observation.ndim > one else 1
        _check_rows(call, "goal", goal, len(self.spec["goals"][0]), rows)
        _check_rows(call, "weight", weight, 0, rows)
        if self.agent.takes_goal and goal is None:
            raise ConfigError(f"This policy is goal-conditioned; give {call}(..., goal=...).")
        if not self.agent.takes_goal and goal is not None:
            raise ConfigError("This policy was trained without goals; leave `goal` out.")
        if not self.agent.has_dial and weight is not None:
            raise ConfigError("This policy has no guidance weight; leave `weight` out.")


def _weights(weight: Any, rows: int) -> Any:
    """One a row. A weight that is traced, to be mapped or differentiated, stays so."""
    if weight is None:
        return None
    if isinstance(weight, Tracer):
        return jnp.broadcast_to(weight.astype(jnp.float32), (rows,))
    return np.full((rows,), weight, np.float32)


def _check_rows(call: str, name: str, value: Any, axes: int, rows: int) -> None:
    """One value for all rows, or one a row; `axes` is how many axes a single value has."""
    if value is None:
        return
    shape = np.shape(value)
    if shape[: len(shape) - axes] not in ((), (1,), (rows,)):
        raise ConfigError(f"{call}: {name} has shape {shape} for {rows} observations; give one, or one for each.")
