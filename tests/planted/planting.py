"""How a fault is planted: a bad class, with the check that has to catch it."""

from collections.abc import Callable
from typing import Any

from cfgrl.nn import MLP

SMALL = MLP(hidden=(6,))
#: Planted components, each made when it is checked, with the check that has to catch it.
PLANTED: list[tuple[str, Callable[[], Any]]] = []


def planted(check: str, *arguments: Any, **keywords: Any) -> Callable[[type], type]:
    """Note a bad class, and how to make one."""

    def note(cls: type) -> type:
        PLANTED.append((check, lambda: cls(*arguments, **keywords)))
        return cls

    return note
