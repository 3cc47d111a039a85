"""Faults of any component: its class, and its fields as keys of a registry file."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

import equinox as eqx
from annotated_types import Ge
from jaxtyping import Array, Float
from planting import SMALL, planted

from cfgrl import DataError, Dataset, Network, scalar
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals


@planted("documented")
class Undocumented(Goals):
    """Says nothing about its fields."""


@planted("documented")
class Outdated(Behaviour):
    """Explains what is gone.

    **Arguments:**

    - `chunk`: how many actions.
    - `horizon`: once upon a time.
    """


@planted("documented")
class Nameless(Behaviour):
    chunk: Annotated[int, Ge(1)] = 1


@planted("frozen")
@dataclasses.dataclass
class Loose(Dataset):
    """Can be changed: `size`."""

    size: int = 1

    def load(self):
        raise DataError("nothing here")

    def provenance(self):
        return {}


@planted("methods_take_what_the_protocol_passes")
class Positional(Goals):
    """Takes the key by position."""

    def label(self, state, data, index, key):
        return super().label(state, data, index, key=key)


@planted("methods_take_what_the_protocol_passes")
class Demanding(Unguided):
    """Wants an argument that nobody passes."""

    def field(self, policy, net, observation, context, critic, weight, temperature):
        return super().field(given, weight)


@planted("fields_hold_no_mutable_values", layers=[1])
class Mutable(Network):
    """A list of `layers`."""

    layers: Any = ()

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=key)


@planted("capabilities_are_names")
class Shouting(Goals):
    """Names that are none."""

    provides = frozenset({"Goal Reaching"})


# Fields as keys of a registry file.


@planted("fields_are_keys")
class Callback(Behaviour):
    """A field that no file can hold: `hook`."""

    hook: Callable[[Array], Array] | None = None


@planted("configuration_round_trips")
class Drifting(Behaviour):
    """Changes what it is given: `steps`."""

    steps: int = eqx.field(default=3, converter=lambda steps: steps + 1)


@planted("numbers_are_traced")
class Constant(Behaviour):
    """A plain float: `rate`."""

    rate: float = 0.5


@planted("another_value_never_compiles")
class Derived(Unguided):
    """Keeps a Python value of a traced number: `rate`, `label`."""

    rate: Float[Array, ""] = scalar(0.5)
    label: str = eqx.field(init=False, static=True)

    def __post_init__(self):
        self.label = f"rate {float(self.rate):.3f}"
