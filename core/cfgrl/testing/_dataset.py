"""Checks for data sets and their environments."""

import json
from typing import Any

import numpy as np

from cfgrl._errors import DataError
from cfgrl.data._data import Data
from cfgrl.data._dataset import Environment, StepResult
from cfgrl.testing._check import rule
from cfgrl.testing._memo import once


def _load(dataset: Any) -> Any:
    """What `load` gives; `None` if they are not on this machine, which is no fault."""
    try:
        return dataset.load()
    except DataError as error:
        assert str(error).strip(), "a data set that cannot be loaded says why"
        return None


def _loaded(dataset: Any) -> Any:
    """The same, loaded once: data can be large."""
    return once(dataset, "data", lambda: _load(dataset))


def _is_here(dataset: Any) -> bool:
    try:
        return dataset.in_memory or dataset.present() is not None
    except DataError:
        return False


def _is_played(dataset: Any) -> bool:
    try:
        return bool(dataset.tasks) and _is_here(dataset)
    except DataError:
        return False


@rule()
def catalogue_is_readable(dataset: Any) -> None:
    """`catalogue` maps names to one-line summaries, and what `generates` holds is in it."""
    for name, summary in type(dataset).catalogue.items():
        assert isinstance(name, str) and summary.strip() and "\n" not in summary, (
            f"catalogue entry {name} has no summary"
        )
    strange = set(type(dataset).generates) - set(type(dataset).catalogue)
    assert not strange, f"`generates` names what the catalogue does not: {', '.join(sorted(strange))}"


@rule(_is_here)
def data_load(dataset: Any) -> None:
    """`load` gives training data, and validation data or `None`, the same each time."""
    first, second = _loaded(dataset), _load(dataset)
    if first is None or second is None:
        return
    assert isinstance(first, tuple) and len(first) == 2, "`load` gives a pair: training and validation data"
    assert isinstance(first[0], Data) and (first[1] is None or isinstance(first[1], Data)), (
        f"`load` gives {[type(part).__name__ for part in first]}, not Data and Data or None"
    )
    for part, again in zip(first, second, strict=True):
        for name, column in part.columns.items() if part is not None else ():
            alike = np.array_equal(column, again.columns[name], equal_nan=True)
            assert alike, f"`{name}` is another each time it is loaded"


@rule(_is_here)
def provenance_can_be_recorded(dataset: Any) -> None:
    """`provenance` names the data and goes into a manifest as JSON."""
    record = dataset.provenance()
    missing = {"name", "files", "origin", "record"} - set(record)
    assert not missing, f"`provenance` lacks {', '.join(sorted(missing))}"
    assert record["origin"] in ("published", "generated", "unknown"), f"origin {record['origin']!r} is not known"
    try:
        json.dumps(record)
    except TypeError as error:
        raise AssertionError(f"`provenance` cannot be written as JSON: {error}") from error


@rule()
def tasks_have_environments(dataset: Any) -> None:
    """Tasks are distinct names, and where there are tasks there is an environment that begins them by the seed."""
    try:
        tasks = dataset.tasks
        environment = _environment(dataset) if tasks else None
    except DataError:  # What it needs is not on this machine, and it says so.
        return
    assert len(set(tasks)) == len(tasks) and all(isinstance(task, str) for task in tasks), (
        "tasks must be distinct names"
    )
    if environment is None:
        return
    try:
        first, goal = environment.reset(tasks[0], 3)
        environment.reset(tasks[-1], 4)
        again, same_goal = environment.reset(tasks[0], 3)
        assert np.array_equal(first, again), "the same seed began two different episodes"
        alike = goal is None or (same_goal is not None and np.array_equal(goal, same_goal))
        assert alike, "the same seed gave two different goals"
    finally:
        environment.close()


@rule(_is_played)
def episodes_repeat(dataset: Any) -> None:
    """The same seed and actions give the same finite steps, which answer as `StepResult` says."""
    loaded = _loaded(dataset)
    if loaded is None:
        return
    size = loaded[0].columns["actions"].shape[1]
    actions = np.random.default_rng(0).uniform(-1, 1, (5, size)).astype(np.float32)
    environment = _environment(dataset)
    try:
        episodes = [_play(environment, dataset.tasks[0], actions) for _ in range(2)]
    finally:
        environment.close()
    for step, again in zip(*episodes, strict=True):
        assert isinstance(step, StepResult), f"`step` answers {type(step).__name__}, not StepResult"
        assert np.isfinite(step.observation).all() and np.isfinite(step.reward), "a step is not finite"
        kinds = isinstance(step.done, bool | np.bool_) and isinstance(step.success, bool | np.bool_ | None)
        assert kinds, f"`done` is {step.done!r} and `success` {step.success!r}; they are true, false (or None)"
        assert np.array_equal(step.observation, again.observation) and step.reward == again.reward, (
            "the same seed and actions gave two different episodes"
        )


@rule(_is_played)
def environments_fit_the_data(dataset: Any) -> None:
    """Observations and goals of episodes have the shapes and types of the data's rows."""
    loaded = _loaded(dataset)
    if loaded is None:
        return
    environment, columns = _environment(dataset), loaded[0].columns
    try:
        begun = [(task, *environment.reset(task, 0)) for task in dataset.tasks]
    finally:
        environment.close()
    for task, observation, goal in begun:
        for name, value in (("observations", observation), ("goals", goal)):
            if value is not None:
                expected, found = (columns[name].shape[1:], columns[name].dtype), (np.shape(value), value.dtype)
                assert found == expected, f"{name} of {task} are {found}, those of the data {expected}"


def _environment(dataset: Any) -> Environment:
    environment = dataset.environment()
    assert environment is not None, "there are tasks but no environment"
    assert isinstance(environment, Environment), f"`environment` gives {type(environment).__name__}, not Environment"
    return environment


def _play(environment: Environment, task: str, actions: np.ndarray) -> list[StepResult]:
    environment.reset(task, 7)
    steps: list[StepResult] = []
    for action in actions:
        steps.append(environment.step(action))
        if steps[-1].done:
            break
    return steps


CHECKS = (
    catalogue_is_readable,
    data_load,
    provenance_can_be_recorded,
    tasks_have_environments,
    episodes_repeat,
    environments_fit_the_data,
)
