"""Your own episodes in an npz file, with whatever names the arrays have.

dataset.use = "npz"
dataset.file = "mine.npz"
dataset.observations = "obs"
"""

import dataclasses

from ._own.source import OwnFile


@dataclasses.dataclass(frozen=True)
class Npz(OwnFile):
    """A user's own npz file.

    Each name of an array may be `none`, so that it is not read. `rewards`, `timeouts`, `next_observations`, `masks` and
    `goals` are read where the file has them under their usual names; a name that was chosen must be there.

    **Arguments:**

    - `file`: the file; a relative path begins in the working directory.
    - `validation_file`: another one of the same form to validate on.
    - `validation`: or the share of the file's episodes, evenly spread, to validate on.
    - `layout`: `transitions` where each entry is a transition, as in D4RL; `rows` where an episode of T transitions has
      T + 1 rows, the last one an observation only, as in OGBench.
    - `observations`, `actions`: the names of these arrays; actions lie within [-1, 1].
    - `terminals`: 1 where the task ended for good; with `rows` on the last row of each episode.
    - `timeouts`: 1 where an episode was cut off (transitions).
    - `rewards`: the reward of each transition.
    - `next_observations`: what each transition led to (transitions).
    - `masks`: 0 where a transition ended its task for good (rows).
    - `goals`: what a goal looks like at each row (rows).
    - `clip_actions`: clip actions beyond [-1, 1]; otherwise they are an error.
    - `environment_id`: the Gymnasium environment to be judged in, such as `Hopper-v5`; actions are carried from
      [-1, 1] to its bounds.

    Raises `ConfigError` for keys that exclude each other.
    """
