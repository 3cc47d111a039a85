"""The films of an evaluation: the first episode of each task and weight, as a file each."""

import pathlib
from collections.abc import Callable
from typing import Any

from cfgrl._errors import CfgrlError, DataError
from cfgrl._stage import AgentState
from cfgrl.config._experiment import Experiment
from cfgrl.evaluation._evaluate import plan
from cfgrl.evaluation._film import film
from cfgrl.evaluation._film_file import picture, write_film

#: Seconds that a film lasts at most; a short episode takes a tenth of a second for each of its steps.
_SECONDS, _STEP = 10.0, 0.1


def write_films(
    experiment: Experiment,
    state: AgentState,
    folder: pathlib.Path,
    record: dict[str, Any],
    *,
    format: str,
    say: Callable[[str], None],
) -> list[pathlib.Path]:
    """Film what `record`, an evaluation of this state, judged; returns the files, `folder/TASK-wWEIGHT.FORMAT`.

    A film of the same name is replaced: it showed an earlier evaluation. Raises `DataError` if there is nothing to
    see, `ConfigError` where the format needs an extra.
    """
    weights = [result["weight"] for result in record["results"]]
    # The first episodes of the plan that was judged: their seeds depend on the position of a task among those played.
    episodes = plan(1, record["tasks_played"], weights, 1, record["eval_seed"])
    environment, written = experiment.dataset.require_environment(), []
    folder.mkdir(exist_ok=True)
    try:
        for made in film(experiment.agent, state, environment, episodes, picture, seed=record["eval_seed"]):
            weight = "" if made.episode.weight is None else f"-w{made.episode.weight:g}"
            path = folder / f"{made.episode.task.replace('/', '-')}{weight}.{format}"
            write_film(path, made.pictures, seconds=min(_SECONDS, _STEP * len(made.pictures) * made.stride))
            written.append(path)
            say(f"film {len(written)} of {len(episodes)}: {path}")
    except CfgrlError:
        raise
    except Exception as error:  # an environment's own, or of a machine that cannot draw
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(f"Filming stopped after {len(written)} of {len(episodes)} films ({reason}).") from error
    finally:
        environment.close()
    if not written:
        raise DataError("The environment of this data set shows no picture and has no floor plan: nothing was filmed.")
    return written
