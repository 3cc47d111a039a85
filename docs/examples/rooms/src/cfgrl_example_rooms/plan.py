"""The floor plan of the two rooms, and how a point moves in it: one point or many at once.

      ┌───────────────┬───────────────┐  y = 1
      │                               │
      │             door              │  0.3 < y < 0.7
      │                               │
      │               │               │
      │     left      │     right     │
      │               │               │
      └───────────────┴───────────────┘  y = -1
    x = -2.1          0              2.1

Lengths are in metres. Walls are 0.2 thick, twice what the point can travel in a step, so that it cannot jump one.
"""

import numpy as np

#: The walls as rectangles `(x, y, width, height)`, shape `(6, 4)`: around both rooms, and below and above the door.
WALLS = np.array(
    [
        (-2.3, -1.2, 4.6, 0.2),
        (-2.3, 1.0, 4.6, 0.2),
        (-2.3, -1.0, 0.2, 2.0),
        (2.1, -1.0, 0.2, 2.0),
        (-0.1, -1.0, 0.2, 1.3),
        (-0.1, 0.7, 0.2, 0.3),
    ]
)
#: The middle of the door, shape `(2,)`.
DOOR = np.array((0.0, 0.5))
#: Lower left and upper right corner of the left room, shape `(2, 2)`; the right room is its mirror image.
LEFT = np.array([(-2.1, -1.0), (-0.1, 1.0)])
#: v ← DRAG·v + THRUST·a: at full thrust the velocity tends to THRUST/(1 − DRAG) = 0.1 a step along each axis.
DRAG, THRUST = 0.5, 0.05


def blocked(points: np.ndarray) -> np.ndarray:
    """Whether points of shape `(..., 2)` lie inside a wall; shape `(...)`."""
    low, high = WALLS[:, :2], WALLS[:, :2] + WALLS[:, 2:]
    places = points[..., None, :]
    return np.any(np.all((places > low) & (places < high), axis=-1), axis=-1)


def move(position: np.ndarray, velocity: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One step: position and velocity after `action`, clipped to [-1, 1]; all of shape `(..., 2)`.

    Each axis moves for itself, and stands still where a wall is in its way: a point slides along walls.
    """
    velocity = DRAG * velocity + THRUST * np.clip(action, -1.0, 1.0)
    for axis in np.eye(2):
        moved = position + axis * velocity
        hit = blocked(moved)[..., None]
        position = np.where(hit, position, moved)
        velocity = np.where(hit, (1.0 - axis) * velocity, velocity)
    return position, velocity


def anywhere(rng: np.random.Generator, count: int) -> np.ndarray:
    """Places drawn uniformly over both rooms, shape `(count, 2)`."""
    places = rng.uniform(LEFT[0], LEFT[1], (count, 2))
    places[:, 0] *= rng.choice((-1.0, 1.0), count)
    return places
