"""What several checks of one component need is made once: compiling is most of what checks cost."""

from collections.abc import Callable
from typing import Any

# The component that was looked at last, and what was made of it. Held, so that its identity stays its own.
_last: list[Any] = [None, {}]


def once(component: Any, what: str, make: Callable[[], Any]) -> Any:
    """`make()`, or what it gave for this very component before."""
    if _last[0] is not component:
        _last[:] = [component, {}]
    if what not in _last[1]:
        _last[1][what] = make()
    return _last[1][what]
