"""IQL: every transition demonstrates its action, and how much better than usual that action was."""

from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from cfgrl import Actor, ConfigError, Label, Labeler, Metrics, Network, Optimizer, ViewedData, copied, nn, scalar

from . import _critic, _goal_rows


class Critics(eqx.Module):
    """What is trained: heads of Q(s, a) and one V(s)."""

    q: _critic.Head
    v: _critic.Head


class IQLState(eqx.Module):
    """Trained parameters, the slow copy of the heads, and the optimiser's state."""

    online: Critics
    target: _critic.Head
    optimizer: Any


class Batch(eqx.Module):
    """Transitions as a critic sees them; `context` is what they are valued for."""

    observation: Float[Array, "batch ..."]
    action: Float[Array, "batch action"]
    following: Float[Array, "batch ..."]
    reward: Float[Array, " batch"]
    mask: Float[Array, " batch"]
    context: PyTree[Array] | None


class IQL(Labeler):
    """Implicit Q-learning: values of the data's own actions, never of others.

    - V minimises the expectile loss |e − 1[x ≤ 0]|·x² of x = min over heads of Q_target(s, a) − V(s);
    - each head minimises (Q(s, a) − r − γ·mask·V(s'))²;
    - Q_target follows Q with rate τ after each update.

    The label's advantage is A = min over heads of Q(s, a) − V(s), raw: what is made of it is the guidance's matter.
    With `goals` the critic is goal-conditioned: its reward is 0 where the row is at its goal and −1 elsewhere. Its own
    goals are the row itself with probability `current_goals`, any row of the data with `random_goals`, otherwise a row
    of the discounted future; the policy's goal and the advantage follow the labeler `goals`.

    **Arguments:**

    - `network`: of V and of each head of Q.
    - `heads`: how many heads of Q there are; their minimum counts.
    - `expectile`: e; above 1/2 V tends to the best action that the data show.
    - `discount`: γ, what a reward is worth one transition later.
    - `target_rate`: τ, with which the slow heads Q_target follow.
    - `learning_rate`: of the Adam that trains Q and V.
    - `advantage`: which Q the advantage reads, the trained heads or the slow ones (CFGRL: `online` on OGBench, `target`
      on ExORL).
    - `goals`: a labeler that gives goals, or `None` for the rewards of the data.
    - `current_goals`: with `goals`, the share of the critic's goals that are the row itself (OGBench's).
    - `random_goals`: with `goals`, the share that is any row of the data (OGBench's).

    Source: Kostrikov et al. (arXiv 2110.06169); CFGRL (arXiv 2505.23458), whose networks are the defaults; goals as in
    OGBench's GCIQL (arXiv 2410.20092).
    """

    network: Network = eqx.field(default_factory=lambda: nn.MLP(layer_norm="after"))
    heads: Annotated[int, Ge(1)] = 2
    expectile: Float[Array, ""] = scalar(0.9, gt=0.0, lt=1.0)
    discount: Float[Array, ""] = scalar(0.99, gt=0.0, lt=1.0)
    target_rate: Float[Array, ""] = scalar(0.005, gt=0.0, le=1.0)
    learning_rate: Float[Array, ""] = scalar(3e-4, gt=0.0)
    advantage: Literal["online", "target"] = "online"
    goals: Labeler | None = None
    current_goals: Float[Array, ""] = scalar(0.2, ge=0.0, le=1.0)
    random_goals: Float[Array, ""] = scalar(0.3, ge=0.0, le=1.0)

    def __check_init__(self) -> None:
        if self.goals is not None and self.goals.chunk != 1:
            raise ConfigError("IQL values single actions: leave labeler.goals.chunk at 1.")

    @property
    def provides(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """`goal` too where there are goals."""
        inner = frozenset() if self.goals is None else self.goals.provides
        return inner | {"advantage", "critic"}

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> IQLState:
        if self.goals is None:
            data.require("rewards", "masks", why="IQL learns from (name a single task, or set labeler.goals.use)")
        q_key, v_key, label_key = jax.random.split(key, 3)
        index = jnp.zeros((), jnp.int32)
        row = eqx.filter_eval_shape(data.take, index)
        context = eqx.filter_eval_shape(self._context, data, index, key=label_key)
        q = _critic.Head.valuing(self.network, row, context, key=q_key, heads=self.heads)
        online = Critics(q, _critic.Head.valuing(self.network, row, context, key=v_key))
        return IQLState(online, copied(q), self._optimizer.init(online))

    @property
    def _optimizer(self) -> Optimizer:
        return Optimizer(learning_rate=self.learning_rate)

    def _context(self, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> PyTree[Array] | None:
        return None if self.goals is None else self.goals.label(None, data, index, key=key).context

    def label(self, state: IQLState, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        row, context = data.take(index), self._context(data, index, key=key)
        q = self.critic(state, row["observations"], row["actions"], context, which=self.advantage)
        v = state.online.v(row["observations"], context)[0]
        return Label(target=row["actions"], context=context, advantage=jnp.min(q) - v)

    def critic(
        self,
        state: IQLState,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        context: PyTree[Array] | None,
        *,
        which: str = "online",
    ) -> Float[Array, " heads"]:
        heads = {"online": state.online.q, "target": state.target}[which]
        return _critic.score(heads, observation, target, context)

    def update(
        self, state: IQLState, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[IQLState, Metrics]:
        del actor
        batch = self.batch(data, index, key=key)
        loss = eqx.filter_value_and_grad(self.loss, has_aux=True)
        (_, metrics), gradient = loss(state.online, state.target, batch)
        online, optimizer = self._optimizer.apply(state.online, gradient, state.optimizer)
        return IQLState(online, _critic.follow(state.target, online.q, self.target_rate), optimizer), metrics

    def loss(self, online: Critics, target: _critic.Head, batch: Batch) -> tuple[Float[Array, ""], Metrics]:
        """The losses of V and of the heads, summed: they share no parameters."""

        def value(observation: Array, context: Any) -> Float[Array, ""]:
            return online.v(observation, context)[0]

        v = jax.vmap(value)(batch.observation, batch.context)
        q = jax.vmap(_critic.score, (None, 0, 0, 0))(online.q, batch.observation, batch.action, batch.context)
        slow = jax.vmap(_critic.score, (None, 0, 0, 0))(target, batch.observation, batch.action, batch.context)
        following = jax.lax.stop_gradient(jax.vmap(value)(batch.following, batch.context))
        backup = batch.reward + self.discount * batch.mask * following
        surprise = jnp.min(slow, axis=1) - v
        value_loss = jnp.mean(jnp.where(surprise > 0, self.expectile, 1.0 - self.expectile) * surprise**2)
        critic_loss = jnp.mean((q - backup[:, None]) ** 2)
        metrics = {"value_loss": value_loss, "critic_loss": critic_loss, "v": jnp.mean(v), "q": jnp.mean(q)}
        return value_loss + critic_loss, metrics

    def batch(self, data: ViewedData, index: Int[Array, " batch"], *, key: PRNGKeyArray) -> Batch:
        """The transitions at rows `index`, with the rewards of the data or of goals drawn for the critic."""
        rows, following = data.take(index), data.take(index + 1)["observations"]
        if self.goals is None:
            reward, mask, context = rows["rewards"], rows["masks"], None
        else:
            keys = jax.random.split(key, index.shape[0])
            goal_rows = jax.vmap(lambda i, k: self._critic_goal(data, i, key=k))(index, keys)
            context = data.take(goal_rows)["goals"]
            reached = jax.vmap(lambda a, b: jnp.all(a == b))(rows["goals"], context).astype(jnp.float32)
            reward, mask = reached - 1.0, 1.0 - reached
        return Batch(rows["observations"], rows["actions"], following, reward, mask, context)

    def _critic_goal(self, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Int[Array, ""]:
        which_key, row_key, any_key = jax.random.split(key, 3)
        drawn = jax.random.uniform(which_key)
        later = _goal_rows.geometric(index, data.last[index], self.discount, key=row_key)
        anywhere = jax.random.randint(any_key, (), 0, data.last.shape[0])
        other = jnp.where(drawn < self.current_goals + self.random_goals, anywhere, later)
        return jnp.where(drawn < self.current_goals, index, other)
