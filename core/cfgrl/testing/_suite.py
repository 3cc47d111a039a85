"""Which checks belong to which family, and how they are run."""

from collections.abc import Callable, Sequence
from typing import Any

from cfgrl._dataset import Dataset
from cfgrl._guidance import Guidance
from cfgrl._labeler import Labeler
from cfgrl._network import Network
from cfgrl._policy import GenerativePolicy
from cfgrl.testing import _common, _guidance, _labeler, _others, _policy

#: Takes a component, raises `AssertionError` with a sentence where it falls short.
Check = Callable[[Any], None]

_FAMILIES: tuple[tuple[type, tuple[Check, ...]], ...] = (
    (Labeler, _labeler.CHECKS),
    (GenerativePolicy, _policy.CHECKS),
    (Guidance, _guidance.CHECKS),
    (Network, _others.NETWORK_CHECKS),
    (Dataset, _others.DATASET_CHECKS),
)


def checks_for(component: Any) -> tuple[Check, ...]:
    """The checks of a component's family, the common ones first. Raises `TypeError` for what is no component."""
    cls = component if isinstance(component, type) else type(component)
    for family, checks in _FAMILIES:
        if issubclass(cls, family):
            return _common.CHECKS + checks
    names = ", ".join(family.__name__ for family, _ in _FAMILIES)
    raise TypeError(f"{cls.__name__} is no component: it is a subclass of none of {names}.")


def check_component(component: Any) -> None:
    """Run every check on a component, given as an instance or as a class that can be built without arguments.

    **Raises:** `AssertionError` with one line for each check that failed.
    """
    checks, instance = checks_for(component), _instance(component)
    failures = []
    for check in checks:
        try:
            check(instance)
        except Exception as error:
            failures.append(f"{check.__name__}: {error or type(error).__name__}")
    assert not failures, f"{type(instance).__name__} fails {len(failures)} checks\n  " + "\n  ".join(failures)


def parametrize_with_checks(components: Sequence[Any]) -> Any:
    """A pytest decorator that gives a test every pair `(component, check)`, one test each."""
    import pytest

    pairs = [(component, check) for component in components for check in checks_for(component)]
    ids = [f"{_name(component)}-{check.__name__}" for component, check in pairs]
    built = [(_instance(component), check) for component, check in pairs]
    return pytest.mark.parametrize(("component", "check"), built, ids=ids)


def _instance(component: Any) -> Any:
    return component() if isinstance(component, type) else component


def _name(component: Any) -> str:
    return component.__name__ if isinstance(component, type) else type(component).__name__
