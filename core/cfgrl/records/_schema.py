"""What the records of a run must look like to be shown: types, sizes, and numbers that a figure can hold.

A record may come from anybody. What passes here can be read, compared and drawn without another check; keys that are
not named here are let through, and not relied upon.
"""

from collections.abc import Callable
from typing import Annotated, Any

import pydantic
from annotated_types import Ge, Le, Len

from cfgrl.config._tables import dotted
from cfgrl.config._toml import misfits

#: Far beyond every result, and small enough that sums, differences and axes stay finite.
LARGEST = 1e100

Number = Annotated[float, Ge(-LARGEST), Le(LARGEST)]
Whole = Annotated[int, Ge(-(2**53)), Le(2**53)]
_Count = Annotated[int, Ge(0), Le(2**53)]
_Interval = Annotated[list[Number], Len(2, 2)]
_Point = Annotated[list[Number], Len(2)]
#: A time in seconds since 1970 that a calendar has.
_Time = Annotated[float, Ge(0), Le(2e11)]


class _Record(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, allow_inf_nan=False)


class _Scores(_Record):
    success: Number | None = None
    success_ci: _Interval | None = None
    returns: Number | None = pydantic.Field(None, alias="return")
    returns_ci: _Interval | None = pydantic.Field(None, alias="return_ci")


class _Result(_Scores):
    weight: Number | None
    iqm: Number | None = None
    episodes: _Count
    n_failed: _Count
    tasks: Annotated[dict[str, Number], Len(1, 100)]
    tasks_ci: dict[str, _Interval | None] = {}
    by_seed: Annotated[dict[str, Number], Len(1, 1000)]


class _Chosen(_Scores):
    weight: Number | None = None
    rule: str = ""


class _Comparison(_Record):
    weight: Number
    against: Number
    difference: Number
    ci: _Interval
    by_seed: dict[str, Number] = {}


class Evaluation(_Record):
    """A line of `eval.jsonl`."""

    results: Annotated[list[_Result], Len(1, 200)]
    chosen: _Chosen | None = None
    comparisons: Annotated[list[_Comparison], Len(0, 200)] = []
    notes: list[str] = []
    dial: Annotated[list[str], Len(2, 2)] | None = None
    step: Whole | None = None
    time: _Time | None = None


class _Rollout(_Record):
    weight: Number | None
    task: str | Whole
    success: bool | Number | None
    positions: Annotated[list[_Point], Len(0, 1_000_000)]
    goal: _Point | None = None


class Rollouts(_Record):
    """`rollouts.json`."""

    rollouts: Annotated[list[_Rollout], Len(0, 300)]
    walls: Annotated[list[Annotated[list[Number], Len(4, 4)]], Len(0, 10_000)] = []


class Metrics(_Record):
    """A line of `metrics.jsonl`; see `metrics_complaint` for its other keys."""

    step: _Count
    seed: Whole


class Manifest(_Record):
    """What `manifest.json` is asked for by name; all of it is shown as text."""

    dataset: dict[str, Any] | None = None
    tasks: list[str] | None = None


class Config(_Record):
    """What `config.toml` is asked for; the configuration itself is the builder's affair."""

    train: dict[str, Any] = {}
    seeds: list[Any] = []


class Stopped(_Record):
    """`error.json`."""

    message: str = "no message"


#: Whatever is a number there may be drawn.
_METRICS = pydantic.TypeAdapter(dict[str, Number | str | bool | None], config=_Record.model_config)


def complaint(value: Any, form: type[pydantic.BaseModel] | None = None) -> str | None:
    """What is wrong with a parsed record, as a sentence that goes on from its place; `None` if nothing is."""
    for path, fault in misfits(value):
        return f"{dotted(path[:10]) or 'it'}: {fault}"
    return None if form is None else _refusal(form.model_validate, value)


def metrics_complaint(record: dict[str, Any]) -> str | None:
    """`complaint` for a line of metrics."""
    return complaint(record, Metrics) or _refusal(_METRICS.validate_python, record)


def _refusal(validate: Callable[[Any], Any], value: Any) -> str | None:
    try:
        validate(value)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{dotted(first['loc']) or 'it'}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return None


def evaluation_complaint(record: dict[str, Any]) -> str | None:
    """`complaint` for an evaluation, whose results must belong together."""
    if found := complaint(record, Evaluation):
        return found
    measure = record.get("measure", "success")
    dials = {result["weight"] is not None for result in record["results"]}
    if len(dials) > 1 or (dials == {False} and len(record["results"]) > 1):
        return "'results' has some with a weight and some without"
    chosen = record.get("chosen") or {}
    judged = [*record["results"], *([chosen] if chosen.get("weight") is not None else [])]
    for entry in judged:
        if entry.get(measure) is None or entry.get(f"{measure}_ci") is None:
            return f"it is judged by {measure}, but a result has no {measure} or no interval of it"
    if chosen.get("weight") is not None and "rule" not in chosen:
        return "'chosen' has no 'rule'"
    return None
