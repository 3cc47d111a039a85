"""`Stage`: one labeler, one policy, one guidance. `Agent`: one or more stages that act in turn.

    cfgrl = Stage(Goals(), FlowMatching(), CFG(weight=3.0))     # guided, the weight chosen after training
    bc = Stage(Behaviour(), FlowMatching(), Unguided())         # the same policy, imitating
    agent = Agent(cfgrl, View(normalize=True), batch_size=256)

Hierarchy is two stages: the sample of the first is the context of the next. The core loops over the tuple and knows
no algorithm; whether three parts fit is decided by the names of their capabilities.
"""

from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Int, Key, PRNGKeyArray, PyTree

from cfgrl._capability import explain
from cfgrl._errors import ConfigError
from cfgrl._guidance import Critic, Given, Guidance
from cfgrl._labeler import Labeler
from cfgrl._optimizer import EMA, Optimizer
from cfgrl._policy import GenerativePolicy
from cfgrl._types import Checked
from cfgrl.data._data import Data
from cfgrl.data._view import View, ViewedData, ViewState


class Stage(Checked):
    """Three parts that fit, and how their network is trained. Raises `ConfigError` if they cannot work together."""

    labeler: Labeler
    policy: GenerativePolicy
    guidance: Guidance
    optimizer: Optimizer = eqx.field(default_factory=Optimizer)
    ema: EMA = eqx.field(default_factory=EMA)
    name: str = "main"

    def __check_init__(self) -> None:
        provided = self.labeler.provides | self.policy.provides
        parts = {
            "labeler": (type(self.labeler).__name__, self.labeler.provides),
            "policy": (type(self.policy).__name__, self.policy.provides),
        }
        reasons = [explain(name, parts) for name in sorted(self.guidance.needs - provided)]
        if reasons:
            guidance = type(self.guidance).__name__
            raise ConfigError(
                f"Guidance {guidance} cannot work in stage '{self.name}': " + "; also ".join(reasons) + "."
            )

    def critic(self, labeler_state: Any) -> Critic:
        """The labeler's critic with its state bound, or `None`."""
        if "critic" not in self.labeler.provides:
            return None

        def critic(observation: Array, target: Array, context: PyTree[Array] | None, *, which: str = "online") -> Array:
            return self.labeler.critic(labeler_state, observation, target, context, which=which)

        return critic

    def given(self, net: Any, observation: Array, context: PyTree[Array] | None, labeler_state: Any) -> Given:
        """What the guidance works with, for one example or for a batch."""
        return Given(self.policy, net, observation, context, self.critic(labeler_state))


def _as_stages(stages: "Stage | tuple[Stage, ...]") -> tuple[Stage, ...]:
    return (stages,) if isinstance(stages, Stage) else tuple(stages)


class Agent(Checked):
    """Everything that decides how a policy is trained and acts, except its state.

    **Arguments:**

    - `stages`: one `Stage` or a tuple of them, in acting order.
    - `view`: how the data are seen.
    - `batch_size`: transitions in one update.
    - `execute`: how many actions of a chunk are executed before the next chunk is generated; `None` for all of them.
      Matters only where the last stage's labeler gives chunks.
    - `precision`: of the matrix products of updates, those of critics and labels too: `bfloat16` halves their operands,
      for devices that multiply them faster. Parameters, optimiser and acting stay float32.
    """

    stages: tuple[Stage, ...] = eqx.field(converter=_as_stages)
    view: View = eqx.field(default_factory=View)
    batch_size: Annotated[int, Ge(1)] = 1024
    execute: Annotated[int, Ge(1)] | None = None
    precision: Literal["float32", "bfloat16"] = "float32"

    def __check_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"An agent needs one or more stages with different names, not {names}.")
        for before, stage in zip(self.stages[:-1], self.stages[1:], strict=True):
            if "goal" not in stage.labeler.provides:
                raise ConfigError(
                    f"Stage '{stage.name}' would ignore what stage '{before.name}' generates: its labeler "
                    f"{type(stage.labeler).__name__} provides no 'goal', which is how a policy is told of it."
                )
        for stage in self.stages[:-1]:
            if stage.labeler.chunk != 1:
                raise ConfigError(f"Stage '{stage.name}' gives chunks, but only the last stage's actions are executed.")
        if not 1 <= self.executed <= self.chunk:
            raise ConfigError(
                f"An agent whose chunks have {self.chunk} action{'s' * (self.chunk > 1)} cannot execute {self.execute} "
                "of them: lower act.execute, or raise the labeler's chunk."
            )

    @property
    def chunk(self) -> int:
        """How many actions in a row are generated together."""
        return self.stages[-1].labeler.chunk

    @property
    def executed(self) -> int:
        """How many of them are executed."""
        return self.chunk if self.execute is None else self.execute

    @property
    def takes_goal(self) -> bool:
        """Whether acting needs a goal."""
        return "goal" in self.stages[0].labeler.provides

    @property
    def has_dial(self) -> bool:
        """Whether a guidance weight changes what the agent does."""
        return any(stage.guidance.weight is not None for stage in self.stages)

    @property
    def dial_ends(self) -> tuple[str, str]:
        """What acting is at w = 0 and at w = 1, in a few words; empty without a dial, or if unknown."""
        said = [stage.guidance.ends for stage in self.stages if stage.guidance.weight is not None]
        return said[-1] if said else ("", "")


class StageState(eqx.Module):
    """All that training changes in a stage."""

    labeler: Any
    net: Any
    optimizer: Any
    ema: Any

    def acting(self, stage: Stage) -> Any:
        """The network that acts."""
        return self.ema if self.ema is not None and stage.ema.acts else self.net


class AgentState(eqx.Module):
    """All state of an agent. With several agent seeds every array has a leading axis over them."""

    stages: tuple[StageState, ...]
    view: ViewState
    step: Int[Array, "*seeds"]
    key: Key[Array, "*seeds"]

    @property
    def n_seeds(self) -> int | None:
        """How many agent seeds are stacked; `None` for a single agent without the axis."""
        return self.step.shape[0] if self.step.ndim else None


def init(agent: Agent, data: Data, *, key: Key[Array, "*seeds"]) -> AgentState:
    """A fresh state. The key may be one key or a vector of keys, one an agent seed.

    The statistics of the view are those of `data`; all else depends on `data` only through its shapes.
    """
    view_state = jax.tree.map(jnp.asarray, agent.view.fit(data))
    if key.ndim == 0:
        return _init_one(agent, data, view_state, key)
    return eqx.filter_vmap(_init_one, in_axes=(None, None, None, 0))(agent, data, view_state, key)


def _init_one(agent: Agent, data: Data, view_state: ViewState, key: PRNGKeyArray) -> AgentState:
    run_key, *stage_keys = jax.random.split(key, len(agent.stages) + 1)
    viewed = agent.view.bind(view_state, data)
    stages = tuple(_init_stage(stage, viewed, k) for stage, k in zip(agent.stages, stage_keys, strict=True))
    return AgentState(stages, view_state, jnp.zeros((), jnp.int32), run_key)


def _init_stage(stage: Stage, data: ViewedData, key: PRNGKeyArray) -> StageState:
    labeler_key, net_key, label_key = jax.random.split(key, 3)
    labeler_state = stage.labeler.init(data, key=labeler_key)
    index = jnp.zeros((), jnp.int32)
    observation = eqx.filter_eval_shape(data.take, index)["observations"]
    label = eqx.filter_eval_shape(stage.labeler.label, labeler_state, data, index, key=label_key)
    condition = eqx.filter_eval_shape(stage.guidance.condition, label)
    net = stage.policy.init(observation, label.target, condition, key=net_key)
    return StageState(labeler_state, net, stage.optimizer.init(net), stage.ema.init(net))
