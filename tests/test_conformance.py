"""Every registered component passes the checks of its family; what the checks are worth is in test_planted.py."""

import dataclasses
from typing import Any

import pytest

from cfgrl._component import FAMILIES
from cfgrl.testing import Check, check_component, checks_for, parametrize_with_checks
from cfgrl.testing._companions import PARTS, built_in
from cfgrl_plugins.datasets.ogbench import OGBench
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL

pytestmark = pytest.mark.usefixtures("quick_compile")

#: Components that are another thing with other fields.
OTHERS = (IQL(goals=Goals()), CFG(nulls="optimality"), CFG(nulls="optimality", training="branches"))
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


def test_all_faults_are_told_at_once() -> None:
    class Worse(Undocumented):
        provides = frozenset({"Goal"})

    with pytest.raises(AssertionError) as caught:
        check_component(Worse)
    assert "Worse fails" in str(caught.value)
    assert "documented: Worse has no docstring" in str(caught.value) and "capabilities_are_names" in str(caught.value)


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
