"""From a resolved table to objects: `Agent`, `Dataset`, `Experiment`.

    experiment = build_experiment(load_registries().resolve("demo", ["guidance.weight=1.5"]))

Every problem is reported at once, each with its file and line (or `override`), key and the closest valid name. A
problem that the source text of the components can show is reported without importing jax.
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cfgrl._errors import CfgrlError
from cfgrl.catalogue._catalogue import Catalogue
from cfgrl.config._experiment import Experiment
from cfgrl.config._registry import Resolved
from cfgrl.config._sections import AGENT, TOP, walk_sections
from cfgrl.config._tables import Origin
from cfgrl.config._walk import Built, Walk

if TYPE_CHECKING:
    from cfgrl._stage import Agent
    from cfgrl.data._dataset import Dataset


def build_experiment(resolved: Resolved) -> Experiment:
    """Everything. Raises `ConfigError` or `PluginError` with all problems."""
    walk = Walk(resolved, building=True)
    built = _build(walk, TOP)
    values = {key: b.value for key, b in built.items()}
    return Experiment(
        preset=resolved.preset,
        table=_complete(built),
        dataset=values["dataset"],
        agent=_agent(resolved, values),
        seeds=values["seeds"],
        training=values["train"],
        checkpointing=values["checkpoint"],
        evaluation=values["eval"],
        plugins=dict(sorted(walk.used.items())),
        disable=resolved.catalogue.disable,
    )


def build_agent(resolved: Resolved) -> "Agent":
    """The agent alone: needs no data set. Raises `ConfigError` or `PluginError` with all problems."""
    return _agent(resolved, {k: b.value for k, b in _build(Walk(resolved, building=True), AGENT).items()})


def build_seeds(resolved: Resolved) -> tuple[int, ...]:
    """The agent seeds alone. Raises `ConfigError`."""
    return _build(Walk(resolved, building=True), ("seeds",))["seeds"].value


def build_dataset(resolved: Resolved) -> "Dataset":
    """The data set alone. Raises `ConfigError` or `PluginError` with all problems."""
    return _build(Walk(resolved, building=True), ("dataset",))["dataset"].value


def build_component(catalogue: Catalogue, family: str, name: str, keys: Mapping[str, Any]) -> Any:
    """One component from the keys of its table. Raises `ConfigError` or `PluginError` with all problems."""
    place = Origin(pathlib.Path(f"example of {name}"), None)
    walk = Walk(Resolved(name, dict(keys), {}, catalogue, place), building=True)
    built = walk.component(family, (family,), {"use": name, **keys})
    walk.problems.raise_all()
    return built.value


def check(resolved: Resolved) -> dict[str, Any]:
    """The complete table as far as source text tells it, without importing jax. Raises as `build_experiment` does."""
    return _complete(walk_sections(Walk(resolved, building=False), TOP))


def _build(walk: Walk, wanted: Iterable[str]) -> dict[str, Built]:
    walk_sections(Walk(walk.resolved, building=False), wanted)
    return walk_sections(walk, wanted)


def _complete(built: Mapping[str, Built]) -> dict[str, Any]:
    table = {key: b.table for key, b in built.items() if key != "stages"} | built["stages"].table
    return {key: table[key] for key in TOP if key in table}


def _agent(resolved: Resolved, values: Mapping[str, Any]) -> "Agent":
    from cfgrl._stage import Agent, Stage

    walk = Walk(resolved, building=True)
    stages = []
    for name, parts in values["stages"].items():
        try:
            stages.append(Stage(**parts, name=name))
        except CfgrlError as error:
            path = ("guidance",) if name == "main" else ("stage", name, "guidance")
            walk.problems.add((*path, "use"), str(error))
    walk.problems.raise_all()
    training = values["train"]
    agent = Agent(tuple(stages), values["view"], training.batch_size, values["act"].execute, training.precision)
    return agent if training.labeler_from is None else _frozen(agent)


def _frozen(agent: "Agent") -> "Agent":
    """The agent, whose labelers learn no more: frozen last, so that what is refused is called by its own name."""
    from cfgrl._frozen import Frozen

    stages = tuple(dataclasses.replace(stage, labeler=Frozen(stage.labeler)) for stage in agent.stages)
    return dataclasses.replace(agent, stages=stages)
