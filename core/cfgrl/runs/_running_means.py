"""`RunningMeans`: the metrics since the last log point."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from cfgrl._errors import CheckpointError


class RunningMeans:
    """Sums over updates, one after the other and in float64.

    Neither the lengths of compiled calls nor a stop between two log points, over which `record` carries the sums, thus
    change a bit of a mean.

    **Arguments:**

    - `record`: what an earlier window left, from a checkpoint; empty for a new one.
    - `seeds`: the number of agent seeds.

    **Raises:** `CheckpointError` where the record has another form.
    """

    def __init__(self, record: Mapping[str, Any], seeds: int):
        try:
            self._count = int(record.get("count", 0))
            sums = {str(name): np.asarray(sums, np.float64) for name, sums in record.get("sums", {}).items()}
            if self._count < 0 or any(value.shape != (seeds,) for value in sums.values()):
                raise ValueError("it is of another run")
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise CheckpointError(f"The sums of metrics in the checkpoint cannot be read: {error}.") from error
        self._sums: dict[str, Float[np.ndarray, " seeds"]] = sums
        self._timed, self._seconds = 0, 0.0  # of this process alone

    def add(self, metrics: Mapping[str, Float[np.ndarray, "seeds updates"]], seconds: float) -> None:
        """Take in some updates, made in `seconds`."""
        for name, values in metrics.items():
            before = self._sums.get(name, np.zeros(len(values)))
            self._sums[name] = np.add.accumulate(np.column_stack([before, values]), axis=1)[:, -1]
        updates = next(values.shape[1] for values in metrics.values())
        self._count += updates
        self._timed, self._seconds = self._timed + updates, self._seconds + seconds

    def close(self) -> tuple[dict[str, Float[np.ndarray, " seeds"]], float]:
        """The means, and updates a second; a new window begins."""
        means, rate = {name: sums / self._count for name, sums in self._sums.items()}, self._timed / self._seconds
        self._count, self._sums = 0, {}
        self._timed, self._seconds = 0, 0.0
        return means, rate

    @property
    def record(self) -> dict[str, Any]:
        """The sums as plain values, exactly; empty between two windows."""
        if not self._count:
            return {}
        return {"count": self._count, "sums": {name: sums.tolist() for name, sums in self._sums.items()}}
