"""`ChunkLength`: how many updates one compiled call makes, so that a signal is answered soon."""

#: Seconds that one call should take: a signal is answered at its end.
SECONDS = 2.0
#: How many times as long as the call before it a call may be: a short one says little about the speed of a long one.
_GROWTH = 10
_MOST = 1000


class ChunkLength:
    """Learns from the calls that were made. Their lengths decide no bit of a result.

    **Arguments:**

    - `every`: updates between two log points; a call never goes beyond one.
    """

    def __init__(self, every: int):
        self._every = every
        #: The longest call, whose metrics have to fit.
        self.capacity = min(every, _MOST)
        self._length = 1
        self._compiled = False

    def length(self, step: int, steps: int) -> int:
        """Updates of the next call, after `step` of `steps`."""
        return min(self._length, self._every - step % self._every, steps - step)

    def took(self, updates: int, seconds: float) -> None:
        """Learn from a call that made `updates` in `seconds`."""
        if not self._compiled:  # the first call is mostly compilation
            self._compiled = True
            return
        fits = int(updates * SECONDS / max(seconds, 1e-9))
        self._length = max(1, min(fits, _GROWTH * updates, self.capacity))
