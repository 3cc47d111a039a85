"""Faults of events."""

import jax.numpy as jnp
import numpy as np
from planting import planted

from cfgrl import Condition
from cfgrl_plugins.guidance.events import Binary, Exponential


@planted("serves_a_form_of_training")
class Useless(Binary):
    """Serves no form of training."""

    provides = frozenset()


@planted("marks_are_shaped_like_what_is_wanted")
class Longer(Binary):
    """Marks with more numbers than acting asks for."""

    def marks(self, label, *, key):
        return jnp.ones((label.target.shape[0], 3))


@planted("factors_are_finite_and_not_negative")
class Negative(Exponential):
    """A loss that is to be made large."""

    def factor(self, label, *, key):
        return label.advantage


@planted("knowing_changes_values_only")
class Blind(Binary):
    """The same condition whether or not the event is known."""

    def condition(self, context, mark, known):
        return Condition(context, jnp.asarray(True), mark, jnp.asarray(True))


@planted("events_draw_from_the_key_only")
class Random(Exponential):
    """A factor that NumPy moves."""

    def factor(self, label, *, key):
        return super().factor(label, key=key) * float(np.random.uniform(1.0, 2.0))
