"""The explorer that makes the data: it heads for one random place after another, and wobbles."""

import numpy as np

from .plan import DOOR, anywhere, move

#: Standard deviation of the noise on each component of an action.
NOISE = 0.5
#: The explorer counts as having arrived within this distance, in metres.
NEAR = 0.2


def explore(episodes: int, rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Record `episodes` explorers side by side.

    **Arguments:**

    - `episodes`, `rows`: how many, and the rows of each.
    - `rng`: decides all of it.

    **Returns:** the arrays that `cfgrl.Data.from_arrays` takes, one episode after another: observations
    `(x, y, v_x, v_y)`, actions, goals `(x, y)` and terminals.
    """
    position, velocity = anywhere(rng, episodes), np.zeros((episodes, 2))
    target = anywhere(rng, episodes)
    seen, acted = np.empty((episodes, rows, 4)), np.empty((episodes, rows, 2))
    for row in range(rows):
        action = direction(position, target) + NOISE * rng.standard_normal((episodes, 2))
        seen[:, row] = np.concatenate([position, velocity], axis=1)
        acted[:, row] = np.clip(action, -1.0, 1.0)
        position, velocity = move(position, velocity, action)
        arrived = np.linalg.norm(position - target, axis=1) < NEAR
        target = np.where(arrived[:, None], anywhere(rng, episodes), target)
    observations = seen.reshape(-1, 4).astype(np.float32)
    return {
        "observations": observations,
        "actions": acted.reshape(-1, 2).astype(np.float32),
        "goals": observations[:, :2],
        "terminals": np.arange(episodes * rows) % rows == rows - 1,
    }


def direction(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Unit vectors from `position` towards `target`, through the door where that is in the other room; `(..., 2)`."""
    side = np.sign(target[..., :1])
    behind_the_door = DOOR + side * np.array((0.2, 0.0))
    through = position[..., :1] * side < 0.1
    offset = np.where(through, behind_the_door, target) - position
    return offset / (np.linalg.norm(offset, axis=-1, keepdims=True) + 1e-6)
