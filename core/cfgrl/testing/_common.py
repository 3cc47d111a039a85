"""Checks that every component has to pass."""

import dataclasses
import inspect
import re
from typing import Any


def documented(component: Any) -> None:
    """The class has a docstring that names every field as `field`."""
    cls = type(component)
    text = inspect.getdoc(cls) or ""
    assert text.strip(), f"{cls.__name__} has no docstring"
    missing = [f.name for f in dataclasses.fields(cls) if f.init and f"`{f.name}`" not in text]
    assert not missing, f"the docstring of {cls.__name__} does not explain {', '.join(missing)}"


def frozen(component: Any) -> None:
    """Fields cannot be assigned: hyperparameters are fixed, state is passed in and out."""
    names = [f.name for f in dataclasses.fields(type(component))] or ["anything"]
    try:
        setattr(component, names[0], None)
    except (dataclasses.FrozenInstanceError, AttributeError):
        return
    raise AssertionError(f"{type(component).__name__}.{names[0]} can be assigned; make the class a frozen dataclass")


def complete(component: Any) -> None:
    """Nothing abstract is left."""
    left = getattr(type(component), "__abstractmethods__", frozenset())
    assert not left, f"{type(component).__name__} leaves abstract: {', '.join(sorted(left))}"


def capabilities_are_names(component: Any) -> None:
    """`provides` and `needs` are frozen sets of lower-case names."""
    declared = {name for cls in type(component).__mro__ for name in vars(cls).get("__annotations__", {})}
    for attribute in sorted(declared & {"provides", "needs"}):
        assert hasattr(component, attribute), f"{type(component).__name__} does not say what it {attribute}"
        names = getattr(component, attribute)
        assert isinstance(names, frozenset), f"{attribute} must be a frozenset, not {type(names).__name__}"
        wrong = [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", str(name))]
        assert not wrong, f"{attribute} holds {wrong}; capabilities are lower-case names such as 'goal'"


CHECKS = (documented, frozen, complete, capabilities_are_names)
