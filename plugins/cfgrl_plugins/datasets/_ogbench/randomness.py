"""NumPy's global generator, which OGBench draws from, without letting it run into the caller's."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np


class GlobalRandom:
    """A state of NumPy's global generator that is in place only inside `with self.in_place()`.

    Two of them in one process do not disturb each other, nor the caller.

    **Arguments:**

    - `seed`: what the state starts from.
    """

    def __init__(self, seed: int):
        self._state: Any = np.random.MT19937(seed).state

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the global generator go on from this state, and give the caller's back, whatever happens."""
        outside = np.random.get_state(legacy=False)
        np.random.set_state(self._state)
        try:
            yield
        finally:
            self._state = np.random.get_state(legacy=False)
            np.random.set_state(outside)
