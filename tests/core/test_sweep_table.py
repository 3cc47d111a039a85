"""The table of a sweep: its form, its runs, and the names of their directories."""

import json
import pathlib
from typing import Any

import pytest

from cfgrl import ConfigError
from cfgrl.config._registry import Registry, load_registries
from cfgrl.sweeps._definition import Sweep
from cfgrl.sweeps._plan import Run, plan
from cfgrl.sweeps._read import read_sweep
from cfgrl.sweeps._tasks import tasks

GOOD = """
[sweep.small]
datasets = ["pointmaze-medium-navigate-singletask-task1-v0", "pointmaze-large-navigate-singletask-task1-v0"]
generate = { episodes = 3, recipe = { noise = 0.25 } }
seeds = [3, 4]
set.train.steps = 100
set.labeler.network.hidden = [8, 8]
arm.awr.preset = "flow-awr"
arm.awr.labeler_from = "critic"
arm.awr.vary.guidance.inverse_temperature = [1.0, 3.0]
arm.critic.preset = "cfgrl-offline"
arm.cloned.preset = "flow-bc"
arm.cloned.without = ["labeler"]
quick.datasets = ["pointmaze-medium-navigate-singletask-task1-v0"]
quick.set.train.steps = 2

[sweep.part]
extends = "small"
only = ["awr"]
seeds = [3]
"""


def registry(folder: pathlib.Path, text: str) -> Registry:
    file = folder / "registry.toml"
    file.write_text(text)
    return load_registries(file)


def planned(folder: pathlib.Path, name: str = "small", text: str = GOOD, **kwargs: Any) -> list[Run]:
    known = registry(folder, text)
    return plan(read_sweep(name, known, **kwargs), known)


def test_arms_times_data_times_varied_values(tmp_path: pathlib.Path) -> None:
    runs = planned(tmp_path)
    assert len(runs) == 2 * (2 + 1 + 1)
    assert len({run.name for run in runs}) == len(runs)
    labels = [run.label for run in runs if run.data.startswith("pointmaze-medium")]
    assert labels == ["critic", "cloned", "awr inverse_temperature=1", "awr inverse_temperature=3"]


def test_a_run_takes_the_labeler_of_the_same_data(tmp_path: pathlib.Path) -> None:
    runs = planned(tmp_path)
    by_name = {run.name: run for run in runs}
    taken = [(run, by_name[run.source]) for run in runs if run.source is not None]
    assert len(taken) == 4
    assert all(source.arm == "critic" and source.data == run.data for run, source in taken)
    run, source = taken[0]
    assert run.keys(tmp_path)["train.labeler_from"] == str(tmp_path / "runs" / source.name)
    assert run.keys(tmp_path)["dataset.dir"] == str(tmp_path / "data" / "episodes-3-noise-0.25-seed-0")


def test_keys_that_an_arm_is_without_are_not_given_to_it(tmp_path: pathlib.Path) -> None:
    cloned = next(run for run in planned(tmp_path) if run.arm == "cloned")
    assert cloned.overrides["train.steps"] == 100
    assert not [key for key in cloned.overrides if key.startswith("labeler.")]


def test_the_name_follows_the_configuration_and_nothing_else(tmp_path: pathlib.Path) -> None:
    names = [run.name for run in planned(tmp_path)]
    assert [run.name for run in planned(tmp_path)] == names
    # Another summary, label or place of the same runs changes no name; a key of one arm changes that arm's alone.
    renamed = GOOD.replace("arm.cloned", "arm.imitation").replace("seeds = [3, 4]", 'summary = "x"\nseeds = [3, 4]', 1)
    assert {run.name for run in planned(tmp_path, text=renamed)} == set(names)
    changed = GOOD.replace(
        'arm.cloned.preset = "flow-bc"', 'arm.cloned.preset = "flow-bc"\narm.cloned.set.policy.steps = 3'
    )
    others = [run.name for run in planned(tmp_path, text=changed)]
    assert [a == b for a, b in zip(names, others, strict=True)] == [not name.startswith("flow-bc") for name in names]
    # The labelers that are taken come from another configuration, so those who take them are other runs too.
    critic = GOOD + '\n[sweep.again]\nextends = "small"\narm.critic.set.labeler.expectile = 0.7\n'
    again = [run.name for run in planned(tmp_path, "again", critic)]
    same = {name.partition("_")[0] for name, other in zip(names, again, strict=True) if name == other}
    assert same == {"flow-bc"}
    noisier = GOOD.replace("noise = 0.25", "noise = 0.5")
    assert not {run.name for run in planned(tmp_path, text=noisier)} & set(names)


def test_quick_is_laid_over_and_extends_is_laid_under(tmp_path: pathlib.Path) -> None:
    quick = planned(tmp_path, quick=True)
    assert {run.data for run in quick} == {"pointmaze-medium-navigate-singletask-task1-v0"}
    assert {run.steps for run in quick} == {2}
    part = planned(tmp_path, "part")
    assert [(run.arm, run.hidden) for run in part[::2]] == [("critic", True), ("awr", False), ("awr", False)]
    assert {tuple(run.overrides["seeds"]) for run in part} == {(3,)}


def test_tasks_wait_for_their_data_and_critic(tmp_path: pathlib.Path) -> None:
    left = tasks(planned(tmp_path, "part"), tmp_path)
    place = {task.name: number for number, task in enumerate(left)}
    for task in left:
        assert all(place[name] < place[task.name] for name in task.after if name in place) or task.name[:4] == "eval"
    train = next(task for task in left if task.name.startswith("train flow-awr"))
    assert [name.partition(" ")[0] for name in train.after] == ["data", "train"]
    assert not [task for task in left if task.name.startswith("eval cfgrl-offline")]  # hidden: it only serves


def test_the_command_of_a_run_resolves_to_its_configuration(tmp_path: pathlib.Path) -> None:
    known = registry(tmp_path, GOOD)
    run = next(run for run in planned(tmp_path) if run.arm == "awr")
    _, preset, *words = run.command(tmp_path)
    overrides = [word for word in words[: words.index("--run-dir")]]
    resolved = known.resolve(preset, overrides).table
    assert resolved["seeds"] == [3, 4]
    assert resolved["guidance"]["inverse_temperature"] == 1.0
    assert resolved["labeler"]["network"]["hidden"] == [8, 8]


@pytest.mark.parametrize("name", sorted(load_registries().sweeps()))
@pytest.mark.parametrize("quick", [False, True])
def test_every_shipped_sweep_can_be_planned(name: str, quick: bool) -> None:
    known = load_registries()
    sweep = read_sweep(name, known, quick=quick)
    runs = plan(sweep, known)
    assert runs
    assert sweep.summary
    assert sweep.docs
    assert json.dumps([run.command(pathlib.Path("x")) for run in runs])
    assert {run.steps for run in runs} <= ({20_000} if not quick else {100, 200})


FAULTS = {
    "seeds = [0, 0]": ["seeds: must differ from each other"],
    'only = ["nope"]': ["only: there is no arm 'nope'"],
    'only_data = ["nope"]': ["only_data: there is no data set 'nope'"],
    'arm.y.presett = "fql"': ["arm.y.preset: is missing", "there is no key 'presett' here; did you mean 'preset'?"],
    "colour = 3": ["there is no key 'colour' here"],
    "cores = 0": ["cores: must be greater than or equal to 1"],
    'arm.y = { preset = "fql", labeler_from = "clones" }': ["there is no arm 'clones'; did you mean 'cloned'?"],
    'arm.y = { preset = "fql", vary = { policy = { steps = 3 } } }': ["arm.y.vary.policy.steps: must be a list"],
    'reference = "clone"': ["reference: there is no arm 'clone'; did you mean 'cloned'?"],
    'arm.Y.preset = "fql"': ["arm.Y: names are lower-case words"],
    'extends = "smal"': ["extends: There is no sweep 'smal'; did you mean 'small'?"],
    'extends = "x"': ["extends: sweeps extend each other in a circle"],
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_is_told_with_its_line(tmp_path: pathlib.Path, line: str) -> None:
    text = GOOD + "\n[sweep.x]\n" + ("" if line.startswith("extends") else 'extends = "small"\n') + line + "\n"
    with pytest.raises(ConfigError) as caught:
        read_sweep("x", registry(tmp_path, text))
    for part in FAULTS[line]:
        assert part in str(caught.value)
    assert f"registry.toml:{len(text.splitlines())}: sweep.x." in str(caught.value)


def test_what_is_wrong_in_a_run_is_told_with_its_arm(tmp_path: pathlib.Path) -> None:
    text = GOOD.replace('arm.cloned.without = ["labeler"]', "arm.cloned.set.policy.stepss = 3")
    with pytest.raises(ConfigError) as caught:
        planned(tmp_path, text=text)
    assert "arm 'cloned' on pointmaze-medium-navigate-singletask-task1-v0" in str(caught.value)
    assert "there is no key 'stepss' in" in str(caught.value) or "did you mean 'steps'" in str(caught.value)


def test_an_unknown_sweep(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="There is no sweep 'smal'; did you mean 'small'"):
        read_sweep("smal", registry(tmp_path, GOOD))


def test_a_plain_preset_is_an_arm() -> None:
    sweep = Sweep(presets=["flow-bc"], datasets=["a"])
    assert list(sweep.arms) == ["flow-bc"]
    assert sweep.sources["a"].name == "a"
