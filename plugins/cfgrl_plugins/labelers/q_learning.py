"""Q-learning: values of what the policy itself would do next."""

from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from cfgrl import Actor, Label, Labeler, Metrics, Network, Optimizer, ViewedData, copied, nn, scalar

from . import _critic


class QLearningState(eqx.Module):
    """Trained heads, their slow copy, and the optimiser's state."""

    online: _critic.Head
    target: _critic.Head
    optimizer: Any


class QLearning(Labeler):
    """Double Q-learning whose next action is drawn from the actor: the stage's averaged policy where it keeps one.

    Each head minimises (Q(s, a) − r − γ·mask·Q'(s'))². Q' reduces the slow heads at the next action: their minimum
    (Diffusion-QL) or mean (FQL). With `max_q_backup` = n > 0 each head takes its largest value over n next actions
    before that.

    **Arguments:**

    - `network`: of each head of Q.
    - `heads`: how many heads of Q there are.
    - `backup`: how the slow heads are reduced to one value: their minimum or mean.
    - `max_q_backup`: n; 0 for one next action (Diffusion-QL: 10 on the harder antmazes).
    - `discount`: γ, what a reward is worth one transition later.
    - `target_rate`: τ, with which the slow heads follow.
    - `learning_rate`: of the heads' Adam.
    - `clip_norm`: largest global norm of the heads' gradient; `None` for no limit.
    - `decay_steps`: updates over which the step size falls to zero along a half cosine; `None` for a constant one.

    Source: Diffusion-QL (arXiv 2208.06193); FQL (arXiv 2502.02538).
    """

    network: Network = eqx.field(default_factory=lambda: nn.MLP(hidden=(256, 256, 256), activation="mish"))
    heads: Annotated[int, Ge(1)] = 2
    backup: Literal["min", "mean"] = "min"
    max_q_backup: Annotated[int, Ge(0)] = 0
    discount: Float[Array, ""] = scalar(0.99, gt=0.0, lt=1.0)
    target_rate: Float[Array, ""] = scalar(0.005, gt=0.0, le=1.0)
    learning_rate: Float[Array, ""] = scalar(3e-4, gt=0.0)
    clip_norm: Float[Array, ""] | None = scalar(None, gt=0.0, optional=True)
    decay_steps: Annotated[int, Ge(1)] | None = None

    provides = frozenset({"critic"})

    @property
    def _optimizer(self) -> Optimizer:
        return Optimizer(self.learning_rate, self.clip_norm, self.decay_steps)

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> QLearningState:
        data.require("rewards", "masks", why="Q-learning learns from (name a single task)")
        row = eqx.filter_eval_shape(data.take, jnp.zeros((), jnp.int32))
        online = _critic.Head.valuing(self.network, row, None, key=key, heads=self.heads)
        return QLearningState(online, copied(online), self._optimizer.init(online))

    def label(self, state: QLearningState, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state, key
        return Label(target=data.take(index)["actions"])

    def critic(
        self,
        state: QLearningState,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        context: PyTree[Array] | None,
        *,
        which: str = "online",
    ) -> Float[Array, " heads"]:
        return _critic.score({"online": state.online, "target": state.target}[which], observation, target, context)

    def update(
        self, state: QLearningState, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[QLearningState, Metrics]:
        rows, following = data.take(index), data.take(index + 1)["observations"]
        keys = jax.random.split(key, index.shape[0])
        value = jax.vmap(lambda s, k: self.next_value(state.target, s, actor, key=k))(following, keys)
        backup = rows["rewards"] + self.discount * rows["masks"] * value
        loss = eqx.filter_value_and_grad(_loss, has_aux=True)
        (_, metrics), gradient = loss(state.online, rows["observations"], rows["actions"], backup)
        online, optimizer = self._optimizer.apply(state.online, gradient, state.optimizer)
        return QLearningState(online, _critic.follow(state.target, online, self.target_rate), optimizer), metrics

    def next_value(
        self, target: _critic.Head, observation: Array, actor: Actor, *, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        """Q'(s') with next actions of the actor."""
        keys = jax.random.split(key, max(1, self.max_q_backup))
        actions = jax.vmap(lambda k: actor(observation, None, k))(keys)
        heads = jax.vmap(lambda action: _critic.score(target, observation, action, None))(actions)
        return {"min": jnp.min, "mean": jnp.mean}[self.backup](jnp.max(heads, axis=0))


def _loss(online: _critic.Head, observation: Array, action: Array, backup: Array) -> tuple[Float[Array, ""], Metrics]:
    q = jax.vmap(_critic.score, (None, 0, 0, None))(online, observation, action, None)
    loss = jnp.mean((q - backup[:, None]) ** 2)
    return loss, {"critic_loss": loss, "q": jnp.mean(q)}
