"""Faults of data sets and of their environments."""

import numpy as np
from planting import planted

from cfgrl import Data
from cfgrl_plugins.datasets.bandit import Bandit


class Changed(Bandit):
    """`size`, `seed`."""


@planted("catalogue_is_readable")
class Wordless(Changed):
    """A name without a summary: `size`, `seed`."""

    catalogue = {"wordless": " "}


@planted("data_load")
class Unrepeatable(Changed):
    """Other data each time: `size`, `seed`."""

    def load(self):
        rng = np.random.default_rng()
        return Data.from_arrays(rng.normal(size=(4, 1)), np.zeros((4, 2)), np.array([0, 1, 0, 1])), None


@planted("data_load")
class Alone(Changed):
    """Training data only: `size`, `seed`."""

    def load(self):
        return super().load()[0]


@planted("provenance_can_be_recorded")
class Untold(Changed):
    """Does not say where it comes from: `size`, `seed`."""

    def provenance(self):
        return {"name": "untold", "origin": "generated"}


@planted("provenance_can_be_recorded")
class Binary(Changed):
    """A digest that JSON cannot hold: `size`, `seed`."""

    def provenance(self):
        return {**super().provenance(), "record": {"sha256": b"\x00"}}


@planted("tasks_have_environments")
class Nowhere(Changed):
    """A task without an environment: `size`, `seed`."""

    def environment(self):
        return None


class Altered:
    """An environment with another answer."""

    def __init__(self, inner, reset=lambda x: x, step=lambda x: x):
        self.inner, self.on_reset, self.on_step = inner, reset, step

    def made(self):
        inner, on_reset, on_step = self.inner, self.on_reset, self.on_step

        class Environment(type(inner)):
            def reset(self, task, seed):
                return on_reset(inner.reset(task, seed))

            def step(self, action):
                return on_step(inner.step(action))

        environment = Environment.__new__(Environment)
        environment.__dict__.update(inner.__dict__)
        return environment


@planted("tasks_have_environments")
class Chancy(Changed):
    """Episodes that begin where no seed says: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), reset=lambda r: (r[0] + np.float32(np.random.random()), r[1])).made()


@planted("episodes_repeat")
class Noisy(Changed):
    """Rewards that no seed decides: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), step=lambda s: s._replace(reward=np.random.random())).made()


@planted("episodes_repeat")
class Vague(Changed):
    """An end that is neither true nor false: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), step=lambda s: s._replace(done="yes")).made()


@planted("environments_fit_the_data")
class Double(Changed):
    """Observations of another type: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), reset=lambda r: (r[0].astype(np.float64), r[1])).made()
