"""Lanes: an vector in this process or in a worker process (`_worker`), behind `ready`, `receive` and `send`.

With one worker a processor core the environments step in parallel. The results are the same either way.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray

from cfgrl.evaluation._episode import Episode
from cfgrl.evaluation._vector_environment import Round, VectorEnvironment


@runtime_checkable
class EnvironmentClient(Protocol):
    """`receive` the newest round, then `send` the actions for the next one."""

    @property
    def anew(self) -> bool:
        """Whether all slots begin again, so that no other client has to wait for this one."""
        ...

    def ready(self, seconds: float) -> bool:
        """Wait at most so long; returns whether `receive` has an answer."""
        ...

    def receive(self) -> Round:
        """The round that was asked for last."""
        ...

    def send(self, actions: Float[ndarray, "slots action"]) -> None:
        """Ask for another round."""
        ...

    def close(self) -> None:
        """Free the environments."""
        ...


class LocalClient:
    """An vector in this process. An environment that hangs or ends its process does so to this one."""

    anew = False

    def __init__(self, make_arena: Callable[..., VectorEnvironment], episodes: Sequence[Episode]):
        self._arena = make_arena(episodes)
        self._round = self._arena.begin()

    def ready(self, seconds: float) -> bool:
        """At once."""
        del seconds
        return True

    def receive(self) -> Round:
        """The newest round."""
        return self._round

    def send(self, actions: Float[ndarray, "slots action"]) -> None:
        """Step at once."""
        self._round = self._arena.step(actions)

    def close(self) -> None:
        """Free the environments."""
        self._arena.close()
