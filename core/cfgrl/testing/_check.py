"""`Check`: one rule of conformance, with the components that it concerns."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Check:
    """A rule. Calling it with a component raises `AssertionError` with a sentence where the component falls short.

    **Arguments:**

    - `function`: what is called; its name is the rule's, its docstring says what is asked for.
    - `applies`: whether the rule concerns a component.
    """

    function: Callable[[Any], None]
    applies: Callable[[Any], bool]

    @property
    def name(self) -> str:
        """What reports and expected failures call it."""
        return self.function.__name__

    @property
    def about(self) -> str:
        """What it asks for, in a sentence."""
        return " ".join((inspect.getdoc(self.function) or "").split())

    def __call__(self, component: Any) -> None:
        self.function(component)


def rule(applies: Callable[[Any], bool] | None = None) -> Callable[[Callable[[Any], None]], Check]:
    """Make a function a `Check`; without `applies` it concerns every component of its family."""
    return lambda function: Check(function, applies or (lambda component: True))


def provides(name: str) -> Callable[[Any], bool]:
    """Concerns components that provide a capability."""
    return lambda component: name in component.provides
