"""Faults of guidance."""

import jax
import jax.numpy as jnp
import numpy as np
from planting import planted

from cfgrl import Condition
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.unguided import Unguided


@planted("guidance_draws_from_the_key_only")
class Fickle(Unguided):
    """A sample that NumPy moves, and that is not the end of its field."""

    steers = False

    def sample(self, given, weight, *, key):
        target = super().sample(given, weight, key=key)
        return target + float(np.random.normal())


@planted("composes_and_trains")
class Broken(Unguided):
    """Divides by zero."""

    def loss(self, given, label, *, key):
        loss, metrics = super().loss(given, label, key=key)
        return loss / 0.0, metrics


@planted("composes_and_trains")
class Idle(Unguided):
    """Learns nothing."""

    def loss(self, given, label, *, key):
        loss, metrics = super().loss(given, label, key=key)
        return jax.lax.stop_gradient(loss), metrics


@planted("works_with_what_it_needs")
class Presuming(Unguided):
    """Uses an advantage and does not say that it needs one."""

    def loss(self, given, label, *, key):
        loss, metrics = super().loss(given, label, key=key)
        return loss + jnp.mean(label.advantage), metrics


@planted("works_with_what_it_needs")
class Judging(Unguided):
    """Asks a critic and does not say that it needs one."""

    def sample(self, given, weight, *, key):
        target = super().sample(given, weight, key=key)
        return target + 0.0 * jnp.sum(given.critic(given.observation, target, given.context))


@planted("training_and_acting_see_one_structure")
class TwoFaced(Unguided):
    """Tells the network of optimality in training only."""

    def condition(self, label):
        return Condition(label.context, jnp.asarray(True), jnp.ones(2), jnp.asarray(True))


@planted("samples_are_pure_targets")
class Stubborn(Unguided):
    """The same action for every key."""

    def sample(self, given, weight, *, key):
        return super().sample(given, weight, key=jax.random.key(0))


@planted("the_weight_is_traced")
class Concrete(CFG):
    """Wants to know the number."""

    def field(self, given, weight):
        return super().field(given, jnp.float32(float(weight)))


@planted("the_dial_turns")
class Loosened(CFG):
    """A dial that is connected to nothing."""

    def field(self, given, weight):
        return super().field(given, jnp.float32(1.0))


@planted("the_field_fits")
class Shy(Unguided):
    """Says that it does not steer, and has a field."""

    steers = False


@planted("the_field_fits")
class Wide(Unguided):
    """A field of another shape."""

    def field(self, given, weight):
        inner = super().field(given, weight)
        return lambda x, t: jnp.concatenate([inner(x, t), jnp.zeros(1)])

    def sample(self, given, weight, *, key):
        return given.policy.sample(given.net, given.observation, self.plain(given.context), key=key)


@planted("acting_is_integrating_its_field")
class Elsewhere(Unguided):
    """Acts by something else than its field."""

    def sample(self, given, weight, *, key):
        return 0.5 * super().sample(given, weight, key=key)


@planted("composes_with_the_built_in_parts")
class Intimate(Unguided):
    """Knows what the network of one policy looks like."""

    def loss(self, given, label, *, key):
        loss, metrics = super().loss(given, label, key=key)
        return loss + 0.01 * jnp.sum(given.net[1].weight ** 2), metrics
