"""Labelers that learn no more: what a frozen one says, and runs that take theirs from another, finished run."""

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from childruns import in_child, lines, remains
from toys import assert_same_bits, leaves, walk

import cfgrl
from cfgrl import Agent, CheckpointError, ConfigError, DataError, Frozen, Stage, init, nn, train, train_chunk
from cfgrl.cli._main import main
from cfgrl.config._build import build_experiment
from cfgrl.config._registry import load_registries
from cfgrl.config._run_config import write_config
from cfgrl.runs import _borrow_critic
from cfgrl.runs._load import load_state, seed_keys
from cfgrl.runs._resume import check_same_configuration
from cfgrl.runs._run import RunDirectory
from cfgrl.runs._signals import Stop
from cfgrl.runs._train import train_in
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.policies.flow_matching import FlowMatching

STEPS = 20
KEYS = (
    "dataset.use=bandit", "dataset.size=200", f"train.steps={STEPS}", "train.log_every=10", "checkpoint.every=10",
    "train.batch_size=16", "policy.network.hidden=[8]", "policy.steps=2",
)  # fmt: skip
CRITIC = ("labeler.network.hidden=[8]",)
OTHERS = ("seeds=[2,0]",)


def experiment(preset: str, *keys: str) -> Any:
    return build_experiment(load_registries().resolve(preset, [*KEYS, *keys]))


def trained(run: pathlib.Path, preset: str, *keys: str) -> pathlib.Path:
    train_in(experiment(preset, *keys), RunDirectory(run), Stop())
    return run


def labelers(run: pathlib.Path) -> tuple[tuple[int, ...], Any]:
    """The agent seeds of a run, and the states of its labelers at its newest checkpoint."""
    _, seeds, _, state = load_state(RunDirectory(run), strict=True)
    return seeds, [stage.labeler for stage in state.stages]


def seal(run: pathlib.Path, step: int) -> str:
    return json.loads((run / "checkpoints" / str(step) / "digests.json").read_text())["seal"]


@pytest.fixture(scope="module")
def critic(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return trained(tmp_path_factory.mktemp("source") / "critic", "cfgrl-offline", *CRITIC, "seeds=[0,1,2]")


@pytest.fixture(scope="module")
def taker(critic: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("taker") / "run"
    return trained(run, "flow-awr", *CRITIC, *OTHERS, f"train.labeler_from={critic}")


@pytest.fixture
def copied(critic: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A source that may be spoilt."""
    return pathlib.Path(shutil.copytree(critic, tmp_path / "source"))


def small(labeler: cfgrl.Labeler) -> Agent:
    return Agent(Stage(labeler, FlowMatching(nn.MLP(hidden=(8,)), steps=2), AWR()), batch_size=8)


def test_a_frozen_labeler_says_what_it_said():
    inner = IQL(nn.MLP(hidden=(8,)), goals=Goals())
    frozen, data, key = Frozen(inner), walk(), jax.random.key(4)
    agent = small(inner)
    state = train(agent, data, steps=3, key=key)
    viewed, learned, row = agent.view.bind(state.view, data), state.stages[0].labeler, jnp.asarray(5, jnp.int32)
    assert frozen.provides == inner.provides and frozen.chunk == 1 and Frozen(Behaviour(chunk=3)).chunk == 3
    assert_same_bits(frozen.init(viewed, key=key), inner.init(viewed, key=key))
    assert_same_bits(frozen.label(learned, viewed, row, key=key), inner.label(learned, viewed, row, key=key))
    observation, label = viewed.take(row)["observations"], inner.label(learned, viewed, row, key=key)
    for which in ("online", "target"):
        values = [
            each.critic(learned, observation, label.target, label.context, which=which) for each in (frozen, inner)
        ]
        np.testing.assert_array_equal(*values)
    with pytest.raises(TypeError, match="Behaviour provides no critic"):
        Frozen(Behaviour()).critic(None, observation, label.target, None)


def test_freezing_changes_nothing_but_what_the_labeler_learns():
    inner, data, key = IQL(nn.MLP(hidden=(8,)), goals=Goals()), walk(), jax.random.key(1)
    start = train(small(inner), data, steps=2, key=key)
    moving, metrics = train_chunk(small(inner), data, cfgrl.copied(start), 1)
    still, fewer = train_chunk(small(Frozen(inner)), data, cfgrl.copied(start), 1)
    # The policy's update uses the critic as it was before: after one update only the labelers differ. Two programs
    # may round differently.
    for x, y in zip(*(leaves(_without_labeler(state)) for state in (moving, still)), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)
    assert_same_bits(still.stages[0].labeler, start.stages[0].labeler)
    assert_same_bits((still.key, still.step, still.view), (moving.key, moving.step, moving.view))
    assert "main/labeler/value_loss" in metrics.metrics
    assert fewer.metrics.keys() == {name for name in metrics.metrics if "/labeler/" not in name}


def _without_labeler(state: cfgrl.AgentState) -> Any:
    return dataclasses.replace(state.stages[0], labeler=None)


def test_a_run_keeps_the_labelers_of_its_source(critic: pathlib.Path, taker: pathlib.Path):
    seeds, source = labelers(critic)
    mine, found = labelers(taker)
    assert seeds == (0, 1, 2) and mine == (2, 0)
    rows = np.asarray([2, 0])
    assert_same_bits(found, jax.tree.map(lambda leaf: leaf[rows], eqx.filter(source, eqx.is_array)))
    records = lines(taker / "metrics.jsonl")
    assert [(r["step"], r["seed"]) for r in records] == [(10, 2), (10, 0), (20, 2), (20, 0)]
    assert all("main/guidance/loss" in r and not [name for name in r if "/labeler/" in name] for r in records)
    manifest = RunDirectory(taker).manifest()
    assert manifest["labeler_from"] == {"run": str(critic), "step": STEPS, "seal": seal(critic, STEPS)}
    assert "labeler_from" not in RunDirectory(critic).manifest()


def test_its_policy_is_that_of_a_training_from_the_same_state(critic: pathlib.Path, taker: pathlib.Path):
    made = experiment("flow-awr", *CRITIC, *OTHERS, f"train.labeler_from={critic}")
    data, _ = made.dataset.load()
    state = init(made.agent, data, key=seed_keys((2, 0)))
    rows = np.asarray([2, 0])
    taken = jax.tree.map(lambda leaf: leaf[rows] if eqx.is_array(leaf) else leaf, labelers(critic)[1][0])
    state = eqx.tree_at(lambda s: s.stages[0].labeler, state, taken)
    expected = train(made.agent, data, steps=STEPS, key=seed_keys((2, 0)), state=state)
    assert_same_bits(load_state(RunDirectory(taker))[-1], expected)


def test_labelers_are_taken_on_from_one_that_took_them(critic: pathlib.Path, taker: pathlib.Path, tmp_path):
    run = trained(tmp_path / "third", "flow-awr", *CRITIC, "seeds=[0,2]", f"train.labeler_from={taker}")
    (_, source), (_, found) = labelers(critic), labelers(run)
    assert_same_bits(found, jax.tree.map(lambda leaf: leaf[::2], eqx.filter(source, eqx.is_array)))


@pytest.mark.parametrize(
    ("preset", "keys", "says"),
    [
        ("flow-awr", ("train.labeler_from=nowhere",), "nowhere is no run directory. Name the folder of a run that"),
        ("flow-awr", ("labeler.expectile=0.7", "labeler.heads=3"),
         "the labelers of .* had other keys: labeler.expectile: was 0.9, is 0.7; labeler.heads: was 2, is 3. Give"),
        ("fql", (), "labeler.use: was iql, is q-learning"),
        ("flow-awr", ("view.normalize=true",), "the view of .* had other keys: view.normalize: was False, is True"),
        ("flow-awr", ("dataset.size=300",), "the data set of .* had other keys: dataset.size: was 200, is 300. Name"),
        ("flow-awr", ("seeds=[0,7,8]",), "has no agent seed 7, 8; it has 0, 1, 2. Choose"),
        ("cfgrl-hierarchical", (), "the agent of .* has 1 stage, this one 2"),
    ],
)  # fmt: skip
def test_labelers_that_do_not_belong_are_refused(preset, keys, says, critic: pathlib.Path, tmp_path: pathlib.Path):
    more = () if preset == "cfgrl-hierarchical" else CRITIC
    with pytest.raises(ConfigError, match=says) as caught:
        trained(tmp_path / "run", preset, *more, f"train.labeler_from={critic}", *keys)
    assert str(caught.value).startswith("train.labeler_from: ")
    assert not RunDirectory(tmp_path / "run").exists, "what was refused began no run"


def _longer(source: pathlib.Path) -> None:
    config = source / "config.toml"
    config.write_text(config.read_text().replace(f"steps = {STEPS}\n", "steps = 1000\n"))


def _other_data(source: pathlib.Path) -> None:
    manifest = json.loads((source / "manifest.json").read_text())
    manifest["dataset"]["record"]["sha256"] = "0" * 64
    (source / "manifest.json").write_text(json.dumps(manifest))


def _damaged(source: pathlib.Path) -> None:
    (source / "checkpoints" / str(STEPS) / "stray").write_text("x")


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (_longer, ConfigError, "is not finished: its newest checkpoint is at update 20 of 1000. Repeat its own"),
        (_other_data, DataError, "the data set bandit is not the one that the labelers of .*SHA-256 differs"),
        (_damaged, CheckpointError, "stray does not belong there"),
        (lambda source: shutil.rmtree(source / "checkpoints"), ConfigError, "has no checkpoint yet"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused(spoil, error, says, copied: pathlib.Path, tmp_path: pathlib.Path):
    spoil(copied)
    with pytest.raises(error, match=says):
        trained(tmp_path / "run", "flow-awr", *CRITIC, f"train.labeler_from={copied}")


def test_labelers_that_learn_nothing_cannot_be_taken(tmp_path: pathlib.Path):
    source = trained(tmp_path / "cloned", "flow-bc")
    with pytest.raises(ConfigError, match="nothing to take from .*, whose labelers learn nothing. Leave train.lab"):
        trained(tmp_path / "run", "flow-bc", f"train.labeler_from={source}")


def test_arrays_of_another_form_are_refused():
    wanted = {"w": jnp.zeros((2, 3)), "activation": "gelu"}
    other = {"w": jnp.zeros((5, 4)), "activation": "gelu"}
    with pytest.raises(ConfigError, match=r"float32\(2, 4\), is float32\(2, 3\)\), though their keys are the same"):
        _borrow_critic._put("runs/source", wanted, other, [0, 1])
    with pytest.raises(ConfigError, match="another form"):
        _borrow_critic._put("runs/source", wanted, {"w": wanted["w"], "more": wanted["w"]}, [0, 1])


def test_it_goes_on_in_another_process_when_the_source_is_gone(copied: pathlib.Path, tmp_path: pathlib.Path):
    keys = (*CRITIC, *OTHERS, f"train.labeler_from={copied}")
    run = trained(tmp_path / "run", "flow-awr", *keys)
    whole = remains(run)
    shutil.rmtree(run / "checkpoints" / str(STEPS))
    shutil.rmtree(copied)
    gone_on = in_child("train", "flow-awr", *KEYS, *keys, "--run-dir", str(run))
    assert gone_on.returncode == 0, gone_on.stderr
    assert remains(run) == whole
    action = cfgrl.load(run, seed=0).act(np.zeros(1), key=jax.random.key(0))
    assert action.shape == (2,) and np.isfinite(action).all()
    assert main(["eval", str(run), "--episodes", "1"]) == 0


def test_what_was_begun_but_not_saved_takes_the_same_labelers_or_none(taker: pathlib.Path, tmp_path: pathlib.Path):
    source = RunDirectory(taker).manifest()["labeler_from"]["run"]
    keys = (*CRITIC, *OTHERS, f"train.labeler_from={source}")
    run = pathlib.Path(shutil.copytree(taker, tmp_path / "run"))
    shutil.rmtree(run / "checkpoints")
    trained(run, "flow-awr", *keys)
    assert remains(run) == remains(taker)
    shutil.rmtree(run / "checkpoints")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["labeler_from"]["seal"] = "0" * 64  # as if the source had been trained anew
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="are not those that .* was begun with, which saved none yet"):
        trained(run, "flow-awr", *keys)


def begun(run: pathlib.Path, digest: str | None, *keys: str) -> RunDirectory:
    """A run directory with a configuration and a manifest alone, of data that nobody has."""
    made = build_experiment(load_registries().resolve("cfgrl-offline", keys))
    directory = RunDirectory(run)
    run.mkdir()
    write_config(made, directory.config)
    provenance = {"name": "pointmaze", "files": [], "record": {"sha256": digest}}
    directory.create_manifest(made.preset, provenance, {"columns": {}}, made.dataset.tasks)
    return directory


@pytest.mark.parametrize(
    ("digest", "before", "now", "differing"),
    [
        ("1" * 64, ("dataset.dir=here",), ("dataset.dir=there",), None),
        (None, ("dataset.dir=here",), ("dataset.dir=there",), "dataset.dir: was here, is there"),
        ("1" * 64, ("train.labeler_from=here",), ("train.labeler_from=there",), None),
        ("1" * 64, ("train.labeler_from=here",), (), "train.labeler_from: was here, is none"),
        ("1" * 64, (), ("train.labeler_from=there",), "train.labeler_from: was none, is there"),
        ("1" * 64, ("dataset.dir=here",), ("dataset.dir=there", "train.steps=7"), "train.steps: was 1000000, is 7."),
    ],
)
def test_where_things_lay_is_no_part_of_a_runs_identity(digest, before, now, differing, tmp_path: pathlib.Path):
    directory = begun(tmp_path / "run", digest, *before)
    again = build_experiment(load_registries().resolve("cfgrl-offline", now))
    if differing is None:
        check_same_configuration(again, directory)
    else:
        with pytest.raises(ConfigError, match=f"Differing keys: {differing}"):
            check_same_configuration(again, directory)


def test_a_refusal_of_parts_calls_the_labeler_by_its_own_name():
    with pytest.raises(ConfigError, match="labeler Behaviour provides"):
        experiment("flow-awr", "labeler.use=behaviour", "train.labeler_from=somewhere")
