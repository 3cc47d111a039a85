"""Faults of labelers."""

import itertools
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from annotated_types import Ge
from planting import SMALL, planted

from cfgrl import Label
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.q_learning import QLearning


@planted("labels_are_finite")
class Infinite(Behaviour):
    """Divides by zero."""

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"] / 0.0)


@planted("labels_are_finite")
class Halved(Behaviour):
    """Labels of half precision."""

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"].astype(jnp.bfloat16))


@planted("labels_match_what_is_provided")
class Liar(Behaviour):
    """Claims a goal."""

    provides = frozenset({"goal"})


@planted("labels_match_what_is_provided")
class Secretive(Behaviour):
    """Gives an advantage and does not say so."""

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"], advantage=jnp.float32(1.0))


@planted("labels_are_pure")
class Forgetful(Behaviour):
    """Draws from Python instead of the key."""

    count = itertools.count()

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"] + next(self.count))


@planted("labels_of_a_batch_are_those_of_each")
class Sociable(Behaviour):
    """Looks at whether it is mapped."""

    def label(self, state, data, index, *, key):
        alone = not type(index).__name__.startswith("Batch")
        return Label(data.take(index)["actions"] + (1.0 if alone else 0.0))


@planted("labels_read_rows_through_take")
class Greedy(Behaviour):
    """Reads a whole column."""

    def label(self, state, data, index, *, key):
        return Label(jnp.asarray(np.asarray(data.data.columns["actions"]))[index])


@planted("a_chunk_is_as_long_as_said", chunk=3)
class Short(Behaviour):
    """One action, whatever `chunk` says."""

    chunk: Annotated[int, Ge(1)] = 1

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"])


class Counting(Behaviour):
    """Its state is a count."""

    def init(self, data, *, key):
        return {"n": jnp.zeros((), jnp.int32)}


@planted("updates_keep_the_state_structure")
class Growing(Counting):
    """Adds to its state."""

    def update(self, state, data, index, actor, *, key):
        return {**state, "more": jnp.zeros(())}, {}


@planted("updates_are_pure")
class Moody(Counting):
    """Counts in Python."""

    count = itertools.count()

    def update(self, state, data, index, actor, *, key):
        return {"n": state["n"] + next(self.count)}, {}


@planted("its_state_survives_a_checkpoint")
class Unsaved(Behaviour):
    """A Python number in its state."""

    def init(self, data, *, key):
        return {"n": 0, "table": jnp.zeros(3)}

    def update(self, state, data, index, actor, *, key):
        return {"n": 1, "table": state["table"] + 1.0}, {}


@planted("state_shapes_do_not_depend_on_rows")
class Remembering(Behaviour):
    """Keeps a number for each row."""

    def init(self, data, *, key):
        return jnp.zeros(data.last.shape)


class Judge(QLearning):
    """A critic: `network`, `heads`."""

    def critic(self, state, observation, target, context, *, which="online"):
        return self.judged(super().critic(state, observation, target, context, which=which))


@planted("critic_scores", SMALL)
class OneHead(Judge):
    """A number instead of heads."""

    def judged(self, q):
        return jnp.min(q)


@planted("critic_can_be_climbed", SMALL)
class Flat(Judge):
    """No gradient."""

    def judged(self, q):
        return jax.lax.stop_gradient(q)


@planted("critics_draw_nothing", SMALL)
class Capricious(Judge):
    """Judges by Python's mood."""

    def judged(self, q):
        return q + float(np.random.normal())
