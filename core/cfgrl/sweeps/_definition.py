"""The form of a `[sweep.NAME]` table.

[sweep.two-dials]
datasets = ["pointmaze-medium-navigate-singletask-task1-v0"]
seeds = [0, 1, 2]                                         # trained together, in one run
set.train.steps = 20_000                                  # keys of every run
arm.critic.preset = "idql"
arm.awr.preset = "flow-awr"
arm.awr.labeler_from = "critic"                           # takes that arm's critic, frozen
arm.awr.vary.guidance.inverse_temperature = [1, 3, 10]    # one run for each value
quick.set.train.steps = 100                               # laid over the table by `cfgrl sweep --quick`
"""

from typing import Annotated, Any

import pydantic
from annotated_types import Ge, Gt, Le, Len

_Seed = Annotated[int, Ge(0), Le(2**31 - 1)]
_Text = Annotated[str, Len(1)]
_Word = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class _Form(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Generate(_Form):
    """How a data set is made where it is not there: arguments of `cfgrl data generate`."""

    episodes: Annotated[int, Ge(1)] | None = None
    seed: _Seed = 0
    recipe: dict[_Word, float | int] = {}

    @property
    def folder(self) -> str:
        """The folder below `data` in which data sets made so lie."""
        episodes = "published" if self.episodes is None else f"episodes-{self.episodes}"
        return "-".join([episodes, *(f"{k}-{float(v)!r}" for k, v in sorted(self.recipe.items())), f"seed-{self.seed}"])


class Data(_Form):
    """A data set of a sweep.

    **Arguments:**

    - `name`, `use`: as `dataset.name` and `dataset.use`; `set`: other keys of the table `dataset`.
    - `generate`: how it is made where it is not there; without it, it has to lie where it is looked for.
    """

    name: _Text | None = None
    use: _Text | None = None
    set: dict[str, Any] = {}
    generate: Generate | None = None


class Density(_Form):
    """What `cfgrl density` measures of each shown run: rows of data, draws at each, weights, steps; see there."""

    rows: Annotated[int, Ge(1)] = 32
    samples: Annotated[int, Ge(2)] = 8
    weights: list[float] | None = None
    steps: Annotated[int, Ge(1)] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Its arguments on a command line."""
        weights = () if self.weights is None else ("--weights=" + ",".join(map(repr, self.weights)),)
        steps = () if self.steps is None else ("--steps", str(self.steps))
        return ("--rows", str(self.rows), "--samples", str(self.samples), "--strict", *weights, *steps)


class Arm(_Form):
    """One method of a sweep.

    **Arguments:**

    - `preset`: what it starts from; `set`: keys laid over the preset and the sweep's `set`.
    - `without`: keys of the sweep's `set` that this arm's components do not have, or tables of them.
    - `labeler_from`: the arm whose labeler (critic) it takes, frozen, on the same data and seeds.
    - `vary`: keys that take several values, one run each.
    - `hidden`: it serves others, and is left out of tables and figures.
    """

    preset: _Text
    set: dict[str, Any] = {}
    without: list[str] = []
    labeler_from: str | None = None
    vary: dict[str, Any] = {}
    hidden: bool = False


class Sweep(_Form):
    """A sweep: arms × data sets, each pair one run (or one for each varied value) of all seeds.

    **Arguments:**

    - `summary`, `docs`: what it asks, and the page about what it answered.
    - `extends`: a sweep over whose table this one is laid.
    - `presets`, `arm`: the methods; a preset alone is an arm of its name. `only`: those that are shown, where not all.
    - `datasets`, `data`: the data sets by name, or by a label of your own; `generate` holds for `datasets`.
      `only_data`: the labels that are used, where not all.
    - `seeds`: agent seeds, trained together in one process.
    - `set`: keys of every run.
    - `reference`: the arm that the others are compared with; the first if not given.
    - `density`: what `cfgrl density` measures of each run; nothing if not given.
    - `cores`, `memory`: processor cores and GiB of one run; it is stopped where it takes more memory.
    - `quick`: what `--quick` lays over this table.
    """

    summary: str = ""
    docs: str | None = None
    extends: str | None = None
    presets: list[_Text] = []
    only: list[str] = []
    arm: dict[str, Arm] = {}
    datasets: list[_Text] = []
    data: dict[str, Data] = {}
    only_data: list[str] = []
    generate: Generate | None = None
    seeds: Annotated[list[_Seed], Len(1)] = [0]
    set: dict[str, Any] = {}
    reference: str | None = None
    density: Density | None = None
    cores: Annotated[int, Ge(1)] = 1
    memory: Annotated[float, Gt(0)] = 4.0
    quick: dict[str, Any] = {}

    @property
    def arms(self) -> dict[str, Arm]:
        """The arms by name, plain presets first; with `only` those, and, hidden, whose labelers they take."""
        every = {name: Arm(preset=name) for name in self.presets} | self.arm
        if not self.only:
            return every
        served = {every[name].labeler_from for name in self.only if name in every}
        shown = {name: arm for name, arm in every.items() if name in self.only}
        hidden = {n: arm.model_copy(update={"hidden": True}) for n, arm in every.items() if n in served - shown.keys()}
        return hidden | shown

    @property
    def sources(self) -> dict[str, Data]:
        """The data sets by label."""
        every = {name: Data(name=name, generate=self.generate) for name in self.datasets} | self.data
        return {label: data for label, data in every.items() if not self.only_data or label in self.only_data}
