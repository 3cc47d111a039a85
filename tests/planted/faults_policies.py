"""Faults of policies."""

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from planting import SMALL, planted

from cfgrl import Condition
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian


@planted("parameters_from_shapes", SMALL)
class Curious(FlowMatching):
    """Looks at values where it is given shapes."""

    def init(self, observation, target, condition, *, key):
        return super().init(observation + 0.0, target, condition, key=key)


@planted("parameters_from_shapes", SMALL)
class Dicing(FlowMatching):
    """Parameters that no key decides."""

    def init(self, observation, target, condition, *, key):
        return super().init(observation, target, condition, key=jax.random.key(np.random.randint(2**31)))


@planted("loss_is_a_finite_scalar_with_a_gradient", SMALL)
class Numb(FlowMatching):
    """A loss without a gradient."""

    def loss(self, net, observation, target, condition, *, key):
        return jax.lax.stop_gradient(super().loss(net, observation, target, condition, key=key))


@planted("loss_is_a_finite_scalar_with_a_gradient", SMALL)
class Spread(FlowMatching):
    """A loss for each component."""

    def loss(self, net, observation, target, condition, *, key):
        return super().loss(net, observation, target, condition, key=key) * jnp.ones_like(target)


@planted("samples_depend_on_the_key_alone", SMALL)
class Deaf(FlowMatching):
    """Ignores the key."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=jax.random.key(0))


@planted("samples_of_a_batch_are_those_of_each", SMALL)
class Herding(FlowMatching):
    """Another sample whenever it is compiled anew."""

    count = itertools.count()

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=key) + next(self.count)


@planted("other_sizes_work", SMALL)
class TwoArmed(FlowMatching):
    """Knows only actions of two components."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=key) * jnp.array([1.0, 0.5])


@planted("the_null_hides_the_context", SMALL)
class Blind(FlowMatching):
    """Ignores the condition."""

    def field(self, net, observation, condition):
        return super().field(net, observation, jax.tree.map(jnp.zeros_like, condition))


@planted("the_null_hides_the_context", SMALL)
class Peeking(FlowMatching):
    """Sees what is nulled."""

    def field(self, net, observation, condition):
        return super().field(net, observation, Condition.of(condition.context))


@planted("what_it_can_is_provided", SMALL)
class Boasting(FlowMatching):
    """Claims a mode."""

    provides = frozenset({"field", "log-prob", "mode"})


@planted("what_it_can_is_provided", SMALL)
class Modest(Gaussian):
    """Has a density and does not say so."""

    provides = frozenset({"mode"})


@planted("field_is_what_is_integrated", SMALL)
class Fieldless(Gaussian):
    """Claims a field."""

    provides = frozenset({"mode", "log-prob", "field"})


@planted("field_is_what_is_integrated", SMALL)
class Detour(FlowMatching):
    """Samples something else than it integrates."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=key) + 0.5


@planted("tilt_adds_nothing_for_no_score", SMALL)
class Stiff(FlowMatching):
    """Cannot be tilted."""

    def tilt(self, prediction, x, t, score):
        return prediction


@planted("mode_is_deterministic", SMALL)
class Lost(Gaussian):
    """A mode that is none."""

    def mode(self, net, observation, condition):
        return super().mode(net, observation, condition) * jnp.nan


@planted("mode_is_likely", SMALL)
class Aside(Gaussian):
    """A mode far from where samples are."""

    def mode(self, net, observation, condition):
        return super().mode(net, observation, condition) + 9.0


@planted("density_is_one_in_all", SMALL)
class Unnormalised(Gaussian):
    """A density that forgot its factor."""

    def log_prob(self, net, observation, condition, target):
        return super().log_prob(net, observation, condition, target) + 1.0


class Tagged(eqx.Module):
    """A network with a note."""

    net: Any
    note: float = eqx.field(static=True)

    def __call__(self, x):
        return self.net(x)


@planted("its_parameters_survive_a_checkpoint", SMALL)
class Hidden(FlowMatching):
    """A random constant that is no array, so that no checkpoint holds it."""

    def init(self, observation, target, condition, *, key):
        net = super().init(observation, target, condition, key=key)
        return eqx.tree_at(lambda n: n.velocity, net, Tagged(net.velocity, np.random.random()))


@planted("policies_draw_from_the_key_only", SMALL)
class Gambling(FlowMatching):
    """A loss with noise of NumPy's."""

    def loss(self, net, observation, target, condition, *, key):
        noise = float(np.random.normal())
        return super().loss(net, observation, target + noise, condition, key=key)
