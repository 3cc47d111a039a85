"""From a sweep's table to its runs: which there are, in which order, and the command line of each.

A run's directory is named by its configuration: two sweeps that ask for the same run share it, and a changed key is
another run. Where its data and its critic lie is no part of that name.
"""

import dataclasses
import hashlib
import itertools
import json
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfgrl._errors import CfgrlError, ConfigError
from cfgrl.config._build import check
from cfgrl.config._registry import Registry
from cfgrl.config._tables import flatten
from cfgrl.sweeps._definition import Arm, Data, Generate, Sweep

_DIGITS = 10
#: Names of data sets may be paths; a run's digest keeps what is cut or replaced apart.
_UNSAFE, _LONGEST = re.compile(r"[^A-Za-z0-9._-]"), 100


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a sweep.

    **Arguments:**

    - `name`: of its directory below `runs`.
    - `arm`, `data`: labels in the sweep; `varied`: the varied keys and their values.
    - `preset`, `overrides`: as `cfgrl train` takes them, but for `dataset.dir` and `train.labeler_from`.
    - `dataset`: name of the data set; `generate`: how it is made, or `None`.
    - `source`: name of the run whose labelers it takes, or `None`.
    - `steps`: number of updates; `judging`: the table `eval`.
    - `hidden`: whether it only serves others.
    """

    name: str
    arm: str
    data: str
    varied: Mapping[str, Any]
    preset: str
    overrides: Mapping[str, Any]
    dataset: str
    generate: Generate | None
    source: str | None
    steps: int
    judging: Mapping[str, Any]
    hidden: bool

    @property
    def label(self) -> str:
        """What it is called in tables: its arm, and the values that vary within it."""
        return " ".join([self.arm, *(f"{key.rpartition('.')[2]}={_plain(v)}" for key, v in self.varied.items())])

    def directory(self, root: pathlib.Path) -> pathlib.Path:
        """Where it lies."""
        return root / "runs" / self.name

    def folder(self, root: pathlib.Path) -> pathlib.Path | None:
        """Where its data lie; `None` for the usual places."""
        return None if self.generate is None else root / "data" / self.generate.folder

    def keys(self, root: pathlib.Path) -> dict[str, Any]:
        """All overrides."""
        found = dict(self.overrides)
        if (folder := self.folder(root)) is not None:
            found["dataset.dir"] = str(folder)
        if self.source is not None:
            found["train.labeler_from"] = str(root / "runs" / self.source)
        return found

    def command(self, root: pathlib.Path) -> list[str]:
        """`train PRESET KEY=VALUE … --run-dir DIR`."""
        words = [f"{key}={_word(value)}" for key, value in self.keys(root).items()]
        return ["train", self.preset, *words, "--run-dir", str(self.directory(root))]


def plan(sweep: Sweep, registry: Registry) -> list[Run]:
    """The runs of a sweep, those that others take labelers from before them.

    **Raises:** one `ConfigError` with what is wrong in each arm.
    """
    runs: dict[tuple[str, str], list[Run]] = {}
    problems: list[str] = []
    arms = sweep.arms
    order = sorted(arms, key=lambda name: arms[name].labeler_from is not None)
    for arm, (label, data) in itertools.product(order, sweep.sources.items()):
        source = arms[arm].labeler_from
        if source is not None and (source, label) not in runs:
            continue  # what is wrong with the source has been told
        try:
            taken = None if source is None else runs[source, label][0].name
            runs[arm, label] = [_run(sweep, arm, label, data, v, taken, registry) for v in _variations(arms[arm])]
        except CfgrlError as error:
            problems.append(f"arm '{arm}' on {label}: {error}")
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    found: dict[tuple[str, str], Run] = {}
    for run in (run for group in runs.values() for run in group):
        other = found.setdefault((run.name, run.arm), run)
        if other is not run:
            raise ConfigError(
                f"arm '{run.arm}': {run.label} on {run.data} and {other.label} on {other.data} are one run."
            )
    return list(found.values())


def _run(
    sweep: Sweep, name: str, label: str, data: Data, varied: Mapping[str, Any], source: str | None, registry: Registry
) -> Run:
    arm = sweep.arms[name]
    shared = {key: value for key, value in flatten(sweep.set) if not _without(key, arm.without)}
    overrides = shared | dict(flatten(arm.set)) | dict(varied)
    overrides |= {"seeds": list(sweep.seeds)}
    named = {"use": data.use, "name": data.name} | dict(flatten(data.set))
    overrides |= {f"dataset.{key}": value for key, value in named.items() if value is not None}
    identity = {} if source is None else {"train.labeler_from": source}
    table = check(registry.resolve(arm.preset, overrides | identity))
    made = None if data.generate is None else data.generate.folder
    digest = hashlib.sha256(json.dumps([table, made], sort_keys=True).encode()).hexdigest()[:_DIGITS]
    return Run(
        name=f"{safe(f'{arm.preset}_{data.name or label}')[:_LONGEST]}_{digest}",
        arm=name,
        data=label,
        varied=dict(varied),
        preset=arm.preset,
        overrides=overrides,
        dataset=data.name or label,
        generate=data.generate,
        source=source,
        steps=table["train"]["steps"],
        judging={key: table["eval"][key] for key in ("weights", "episodes", "tasks")},
        hidden=arm.hidden,
    )


def safe(text: str) -> str:
    """A text as part of a file's name."""
    return _UNSAFE.sub("-", text)


def _without(key: str, left_out: list[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in left_out)


def _variations(arm: Arm) -> Iterator[dict[str, Any]]:
    """Every combination of the varied keys' values."""
    varied = list(flatten(arm.vary))
    for values in itertools.product(*(options for _, options in varied)):
        yield {key: value for (key, _), value in zip(varied, values, strict=True)}


def _word(value: Any) -> str:
    """A value as a command line takes it: TOML's scalars and lists are written as JSON's."""
    return value if isinstance(value, str) else json.dumps(value)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
