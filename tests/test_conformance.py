"""Every registered component passes the checks of its family; what the checks are worth is in test_planted.py."""

import dataclasses
from typing import Annotated, Any

import equinox as eqx
import pytest
from annotated_types import Ge

from cfgrl import ConfigError
from cfgrl.catalogue._component import BUILT_IN as FAMILIES
from cfgrl.testing import Check, check_component, checks_for, parametrize_with_checks, run_checks
from cfgrl.testing._companions import PARTS, built_in
from cfgrl_plugins.datasets.ogbench import OGBench
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.cfg_branches import CFGBranches
from cfgrl_plugins.guidance.events import Binary
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL

#: Components that are another thing with other fields.
OTHERS = (
    IQL(goals=Goals()),
    CFG(event=Binary()),
    CFGBranches(event=Binary()),
    AWR(act="mode"),
    Unguided(act="mode"),
)
#: Whether built-in parts go together is tested by training them, in test_compose.py; here by one of each family.
COMPOSED = ("goals", "gaussian", "cfg")


def registered() -> list[Any]:
    return [part for family in FAMILIES for part in built_in(family).values()]


def concerning() -> list[Any]:
    few = [built_in(family)[name] for family, name in zip(PARTS, COMPOSED, strict=True)]
    return [
        pytest.param(component, check, id=f"{type(component).__name__}-{check.name}")
        for component in [*registered(), *OTHERS]
        for check in checks_for(component)
        if check.name != "composes_with_the_built_in_parts" or any(component is one for one in few)
    ]


@pytest.mark.parametrize(("component", "check"), concerning())
def test_registered_components_conform(component: Any, check: Check) -> None:
    check(component)


@parametrize_with_checks([Behaviour, Goals("offset", steps=2)])
def test_the_decorator_gives_every_pair(component: Any, check: Check) -> None:
    assert check in checks_for(component)
    check(component)


class Undocumented(Goals):
    """Says nothing about its fields."""


@parametrize_with_checks([Undocumented()], expected_failures={"documented": "to see that it is marked"})
def test_an_announced_failure_is_marked(component: Any, check: Check) -> None:
    if check.name == "documented":
        check(component)


class Silent(Behaviour):
    """Does not say what it provides."""

    provides = None


class Quitting(Behaviour):
    """Leaves the process.

    **Arguments:**

    - `chunk`: how many actions.
    """

    def label(self, state, data, index, *, key):
        raise SystemExit(0)


def test_a_fault_of_the_class_is_one_sentence() -> None:
    assert [(f.check, f.message) for f in run_checks(Silent)] == [
        ("capabilities_are_names", "provides must be a frozenset, not NoneType")
    ]
    failed = [finding for finding in run_checks(Quitting) if not finding.fine]
    assert failed and all("SystemExit" in f.message and "test_conformance.py" in f.message for f in failed)


def test_a_slip_in_an_announcement_is_told() -> None:
    with pytest.raises(ValueError, match="no check here: documentd"):
        parametrize_with_checks([Behaviour], expected_failures={"documentd": "a slip"})


def test_all_faults_are_told_at_once() -> None:
    class Worse(Undocumented):
        names: list = eqx.field(default_factory=list)

    with pytest.raises(AssertionError) as caught:
        check_component(Worse)
    said = str(caught.value)
    assert "Worse fails" in said and "documented: Worse has no docstring" in said
    assert "fields_hold_no_mutable_values: `names` holds a list" in said


def test_a_default_that_its_own_bounds_refuse_is_a_sentence() -> None:
    class OutOfBounds(Undocumented):
        chunk: Annotated[int, Ge(1)] = 0

    with pytest.raises(ConfigError, match="OutOfBounds: chunk must be at least 1, not 0"):
        check_component(OutOfBounds)


def test_a_class_that_needs_arguments_is_made_by_its_example() -> None:
    assert any(check.name == "catalogue_is_readable" for check in checks_for(OGBench))

    @dataclasses.dataclass(frozen=True)
    class Bare(OGBench):
        """Not in any catalogue: `name`, `dir`, `url`, `more`."""

    with pytest.raises(TypeError, match="give its `Component` an `example`"):
        checks_for(Bare)


def test_what_is_no_component_is_refused():
    with pytest.raises(TypeError, match="no component"):
        checks_for(int)
