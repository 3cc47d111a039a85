"""Schedules: rules of the library, the guided field in closed form, and what a registry may say."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cfgrl_example_schedules.schedule import Flat, Interval, Ramp, Schedule
from cfgrl_example_schedules.scheduled import Scheduled

import cfgrl
from cfgrl import ConfigError, Given
from cfgrl.testing import parametrize_with_checks, run_checks

#: Classifier-free guidance towards a goal.
INNER = cfgrl.from_preset("demo").stages[0].guidance


class KnownPolicy:
    """A policy whose prediction is 1 if the goal is known and 0 if it is not."""

    def field(self, net: Any, observation: Any, condition: Any) -> Any:
        """The known field."""
        del net, observation
        return lambda x, t: jnp.where(condition.context_known, 1.0, 0.0) * jnp.ones_like(x)


@parametrize_with_checks([Flat, Interval, Ramp, Scheduled])
def test_the_components_keep_the_rules(component: Any, check: Any):
    """Members of the family pass its own check too."""
    check(component)


def test_the_check_of_the_family_finds_what_it_is_for():
    """A schedule that leaves [0, 1]."""

    class Doubled(Schedule):
        """Twice as much as there is."""

        def __call__(self, t: Any) -> Any:
            return 2.0 * t

    failed = {finding.check: finding.message for finding in run_checks(Doubled()) if not finding.fine}
    assert failed == {"stays_between_zero_and_one": "s(t) leaves [0, 1]"}


@pytest.mark.parametrize(
    ("schedule", "times", "weights"),
    [
        (Flat(), [0.0, 0.5, 0.9], [4.0, 4.0, 4.0]),
        (Interval(start=0.2, end=0.5), [0.0, 0.2, 0.4, 0.5], [1.0, 4.0, 4.0, 1.0]),
        (Ramp(), [0.0, 0.5, 1.0], [1.0, 2.5, 4.0]),
        (Ramp(power=2.0), [0.5], [1.75]),
    ],
)
def test_the_weight_at_a_time(schedule: Schedule, times: list[float], weights: list[float]):
    """With c = 1 and u = 0 the guided field is w(t) itself."""
    field = Scheduled(INNER, schedule).field(Given(KnownPolicy(), None, jnp.zeros(3), jnp.zeros(2)), jnp.float32(4.0))
    found = jax.vmap(lambda t: field(jnp.zeros(1), t)[0])(jnp.array(times))
    np.testing.assert_allclose(found, weights, rtol=1e-6)


def test_a_registry_chooses_a_member_by_name():
    """As any component."""
    keys = {"guidance.use": "scheduled", "guidance.inner.use": "cfg"}
    agent = cfgrl.from_preset("demo", {**keys, "guidance.schedule.use": "ramp"})
    assert isinstance(agent.stages[0].guidance.schedule, Ramp)
    with pytest.raises(ConfigError, match="there is no schedule 'rampp'; did you mean 'ramp'"):
        cfgrl.from_preset("demo", {**keys, "guidance.schedule.use": "rampp"})
