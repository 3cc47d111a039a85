"""The tables of a configuration: which keys stand at the top, and what each of them is made into.

- `seeds`, `dataset`, `view`, `train`, `act`, `checkpoint`, `eval`: one each;
- `labeler`, `policy`, `guidance`, `optimizer`, `ema`: the parts of one stage, or what two stages share;
- `stage.high.…`, `stage.low.…`: the same five parts for each of two stages.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le, Len

from cfgrl._values import Invalid
from cfgrl.catalogue._fields import MISSING, Field
from cfgrl.catalogue._names import did_you_mean
from cfgrl.config._registry import STAGE_PARTS
from cfgrl.config._validate import plain, validate
from cfgrl.config._walk import Built, Walk

#: Tables that are no components, with their classes.
SECTIONS = {
    "view": "cfgrl.data._view:View",
    "train": "cfgrl.config._settings:Training",
    "act": "cfgrl.config._settings:Acting",
    "checkpoint": "cfgrl.config._settings:Checkpointing",
    "eval": "cfgrl.config._settings:Evaluation",
}
#: What each part of a stage is: the family of a component, or the class of a section.
PARTS = {
    "labeler": "labelers",
    "policy": "policies",
    "guidance": "guidance",
    "optimizer": "cfgrl._optimizer:Optimizer",
    "ema": "cfgrl._optimizer:EMA",
}
STAGES = ("high", "low")
#: What an agent is built from.
AGENT = ("view", "train", "act", "stage")
TOP = ("seeds", "dataset", *SECTIONS, *STAGE_PARTS, "stage")
_SEEDS = Annotated[tuple[Annotated[int, Ge(0), Le(2**31 - 1)], ...], Len(1)]


def walk_sections(walk: Walk, wanted: Iterable[str]) -> dict[str, Built]:
    """Walk the `wanted` keys; the parts of the stages are under `stages`. Raises one error with all problems."""
    table, built = walk.resolved.table, {}
    for key in table:
        if key not in TOP:
            walk.problems.add((key,), f"there is no key '{key}'{did_you_mean(key, TOP)} (keys: {', '.join(TOP)})")
    for key in wanted:
        if key == "seeds":
            built[key] = _seeds(walk, table.get(key, [0]))
        elif key == "dataset":
            built[key] = walk.component("datasets", (key,), table.get(key, MISSING))
        elif key in SECTIONS:
            built[key] = walk.section(SECTIONS[key], (key,), table.get(key, MISSING))
    if "stage" in wanted:
        built["stages"] = _stages(walk)
    walk.problems.raise_all()
    return built


def _seeds(walk: Walk, value: Any) -> Built:
    try:
        seeds = validate(Field("seeds", "value", annotation=_SEEDS), value)
        if len(set(seeds)) < len(seeds):
            raise Invalid(f"must differ from each other, not {value}")
        return Built(seeds, plain(seeds))
    except Invalid as error:
        walk.problems.add(("seeds",), str(error))
        return Built((), [])


def _stages(walk: Walk) -> Built:
    """The parts of each stage by the stage's name, and the table as it stands in a file."""
    table = walk.resolved.table
    if "stage" not in table:
        parts = _stage(walk, (), table)
        return Built({"main": {k: b.value for k, b in parts.items()}}, {k: b.table for k, b in parts.items()})
    stages = walk.table(("stage",), table["stage"])
    for name in stages:
        if name not in STAGES:
            hint = did_you_mean(name, STAGES)
            walk.problems.add(
                ("stage", name), f"there is no stage '{name}'{hint}; two stages are stage.high and stage.low"
            )
    built = {}
    for name in STAGES:
        path = ("stage", name)
        built[name] = _stage(walk, path, walk.table(path, stages.get(name, {})))
    values = {name: {k: b.value for k, b in parts.items()} for name, parts in built.items()}
    return Built(values, {"stage": {name: {k: b.table for k, b in parts.items()} for name, parts in built.items()}})


def _stage(walk: Walk, path: tuple[str, ...], table: Mapping[str, Any]) -> dict[str, Built]:
    for key in table if path else ():
        if key not in PARTS:
            hint = did_you_mean(key, PARTS)
            walk.problems.add((*path, key), f"a stage has no key '{key}'{hint} (keys: {', '.join(PARTS)})")
    built = {}
    for key, what in PARTS.items():
        make = walk.section if ":" in what else walk.component
        built[key] = make(what, (*path, key), table.get(key, MISSING))
    return built
