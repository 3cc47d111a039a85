"""From tables to objects: every problem at once, each with its place, its key and the closest name."""

import dataclasses
import pathlib
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import pytest
from fakes import distribution, labelers

from cfgrl import ConfigError, PluginError
from cfgrl.catalogue._component import BUILT_IN as FAMILIES
from cfgrl.catalogue._fields import SourceDefault, class_fields, source_fields
from cfgrl.config._build import build_agent, build_dataset, build_experiment, check
from cfgrl.config._registry import load_registries
from cfgrl.config._run_config import read_config, write_config
from cfgrl.config._sections import PARTS, SECTIONS
from cfgrl.config._tables import flatten

PLUGIN = """
import dataclasses
from typing import Annotated, Any, Literal, Optional

import equinox as eqx
from annotated_types import Ge
from cfgrl import Labeler, Network, scalar
from cfgrl.nn import MLP
from jaxtyping import Array, Float


class Base(Labeler):
    depth: Annotated[int, Ge(1)] = 2
    provides = frozenset({"goal"})

    def init(self, data, *, key): ...
    def update(self, state, data, index, actor, *, key): return state, {}
    def label(self, state, data, index, *, key): ...


class Full(Base):
    rate: Float[Array, ""] = scalar(0.5, gt=0.0, le=1.0)
    cap: Float[Array, ""] | None = scalar(None, ge=0.0, optional=True)
    critic_net: Network = eqx.field(default_factory=lambda: MLP(hidden=(8, 8)))
    spare: Network | None = None
    mode: Literal["soft", "hard"] = "soft"
    names: tuple[str, ...] = ()
    scale: Optional[float] = None
    table: dict[str, float] = dataclasses.field(default_factory=dict)

    def __check_init__(self):
        if self.depth > 100:
            raise ValueError("too deep to dive")


class Odd(Base):
    shape: "Any" = None
    other: "np.ndarray" = None


class Plain(Labeler):
    pass


NotOne = dataclasses.make_dataclass("NotOne", [("a", int, 3)])
Made = type(Base)("Made", (Base,), {"__module__": __name__, "__annotations__": {"extra": int}, "extra": 4})
"""


@pytest.fixture
def plugin(site):
    (site / "cfgrl_kit.py").write_text(PLUGIN)
    names = {name: f"cfgrl_kit:{name.title()}" for name in ("full", "odd", "plain", "made")}
    distribution(
        site,
        "cfgrl-hooks",
        labelers(**names, not_one="cfgrl_kit:NotOne", gone="cfgrl_kit:Gone", sour="nowhere_at_all:C"),
    )


def _resolve(*overrides: str, preset: str = "cfgrl-goal"):
    return load_registries().resolve(preset, overrides)


def _problems(*overrides: str, build=build_agent, error=ConfigError) -> list[str]:
    with pytest.raises(error) as caught:
        build(_resolve(*overrides))
    lines = [line.strip() for line in str(caught.value).splitlines()]
    return lines[1:] if len(lines) > 1 else lines


def _stages(agent: Any) -> Any:
    """The stages, whose parts have fields that their base classes do not know."""
    return agent.stages


def _targets():
    catalogue = load_registries().catalogue
    yield from (e.component.target for family in FAMILIES for e in catalogue.entries(family).values())
    yield from SECTIONS.values()
    yield from (target for target in PARTS.values() if ":" in target)


@pytest.mark.parametrize("target", sorted(_targets()))
def test_source_and_class_tell_the_same_fields(target):
    from cfgrl.catalogue._component import load_class

    read, real = source_fields(target), class_fields(load_class(target))
    assert read is not None and list(read) == list(real)
    for name, field in real.items():
        assert (read[name].kind, read[name].family, read[name].bounds, read[name].optional) == (
            field.kind, field.family, field.bounds, field.optional
        )  # fmt: skip
        assert read[name].annotation == field.annotation
        if field.kind != "component":
            assert read[name].default == field.default or read[name].default is field.default


@pytest.mark.parametrize("preset", ["flow-bc", "flow-gcbc", "cfgrl-goal", "demo"])
def test_every_preset_builds_and_comes_back_from_its_config_file(preset, tmp_path):
    resolved = _resolve(preset=preset)
    experiment = build_experiment(resolved)
    assert experiment.table == check(resolved)
    write_config(experiment, tmp_path / "config.toml")
    assert [f.name for f in tmp_path.iterdir()] == ["config.toml"]
    again = read_config(tmp_path / "config.toml")
    assert (again.preset, again.table) == (preset, experiment.table)
    rebuilt = build_experiment(again)
    assert rebuilt.table == experiment.table and eqx.tree_equal(rebuilt.agent, experiment.agent)
    assert experiment.plugins == {"cfgrl": rebuilt.plugins["cfgrl"]}


def test_what_is_built_has_the_values_of_the_table():
    experiment = build_experiment(
        _resolve(
            "guidance.weight=1.5", "train.batch_size=32", "train.steps=1e4", "seeds=[3,4]", "optimizer.clip_norm=2"
        )
    )
    (stage,) = _stages(experiment.agent)
    assert stage.guidance.weight == jnp.float32(1.5) and stage.guidance.weight.dtype == jnp.float32
    assert (stage.name, stage.policy.network.hidden) == ("main", (512, 512, 512, 512))
    assert (experiment.agent.batch_size, experiment.training.steps, experiment.seeds) == (32, 10_000, (3, 4))
    assert stage.optimizer.clip_norm == jnp.float32(2.0)
    assert _stages(build_agent(_resolve("optimizer.clip_norm=none")))[0].optimizer.clip_norm is None


def test_every_problem_at_once_with_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.toml").write_text(
        '[preset.mine]\nextends = "cfgrl-goal"\n'
        'policy.network.hidden = [256, 0]\npolicy.network.activation = "gelo"\n'
        "[preset.mine.guidance]\nwieght = 3\n"
    )
    with pytest.raises(ConfigError) as caught:
        build_experiment(_resolve("train.steps=0", "labeler.use=gols", "ema.decay=1", "sede=1", preset="mine"))
    assert [line.strip() for line in str(caught.value).splitlines()] == [
        "7 problems in preset 'mine':",
        "override: sede: there is no key 'sede'; did you mean 'seeds'? (keys: seeds, dataset, view, train, act, "
        "checkpoint, eval, labeler, policy, guidance, optimizer, ema, stage).",
        "override: train.steps: must be at least 1, not 0.",
        "override: labeler.use: there is no labeler 'gols'; did you mean 'goals'? (known: behaviour, goals, iql, "
        "q-learning, subgoals).",
        "registry.toml:3: policy.network.hidden: must be at least 1, not 0 (element 1).",
        "registry.toml:4: policy.network.activation: must be 'gelu', 'mish', 'relu', 'silu' or 'tanh', not \"gelo\"; "
        "did you mean 'gelu'?",
        "registry.toml:6: guidance.wieght: guidance 'cfg' has no key 'wieght'; did you mean 'weight'? "
        "(keys: weight, event, dropout).",
        "override: ema.decay: must be less than 1, not 1.",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("guidance.weight=true", "must be a finite number, not true"),
        ("guidance.weight=inf", "must be a finite number, not Infinity"),
        ("guidance.weight=-1", "must be at least 0, not -1"),
        ("guidance.weight=high", 'must be a finite number, not "high"'),
        ("guidance=cfg", 'must be a table that names a guidance: write guidance.use = "cfg"'),
        ("guidance.use=3", "must be the name of a guidance, not 3"),
        ("policy.network=mlp", 'write policy.network.use = "mlp"'),
        ("policy.steps=2.5", "must be a whole number, not 2.5"),
        ("policy.steps=true", "must be a whole number, not true"),
        ('policy.steps="4"', 'must be a whole number, not "4"'),
        ("policy.steps=[4]", "must be a whole number"),
        ("policy.network.hidden=[]", "at least 1"),
        ("policy.network.hidden=256", "must be a list, not 256"),
        ("view=3", "must be a table, not 3"),
        ("view.normalize=2020-01-01", "must not be a date"),
        ("seeds=[]", "seeds: must have at least 1 element"),
        ("seeds=3", "must be a list, not 3"),
        ("seeds=[1,1]", "must differ from each other"),
        ("seeds=[-1]", "must be at least 0"),
        ("eval.weights=[1,nan]", "must be finite"),
        ("dataset.dir=3", 'must be a string or "none", not 3'),
        ("dataset.use=ogbnch", "there is no data set 'ogbnch'; did you mean 'ogbench'"),
        ("stage.hihg.policy.steps=3", "there is no stage 'hihg'; did you mean 'high'"),
        ("stage.high.polcy.steps=3", "a stage has no key 'polcy'; did you mean 'policy'"),
    ],
)
def test_values_that_do_not_fit(override, message):
    lines = _problems(override, build=build_experiment)
    assert message in lines[0] and lines[0].startswith(f"override: {override.partition('=')[0].split('.')[0]}")


def test_parts_that_do_not_fit_are_refused():
    (line,) = _problems("labeler.use=behaviour")
    assert line.startswith("registry.toml:") or "registry.toml:" in line
    assert "guidance.use: Guidance CFG cannot work in stage 'main': it needs 'goal'" in line


def test_two_stages(tmp_path):
    experiment = build_experiment(_resolve("stage.high.policy.steps=4", "stage.low.labeler.sampling=rounded"))
    high, low = _stages(experiment.agent)
    assert (high.name, low.name) == ("high", "low")
    assert (high.policy.steps, low.policy.steps, low.labeler.sampling) == (4, 16, "rounded")
    assert experiment.table["stage"]["high"]["policy"]["network"]["hidden"] == [512] * 4
    assert "policy" not in experiment.table
    write_config(experiment, tmp_path / "config.toml")
    assert build_experiment(read_config(tmp_path / "config.toml")).table == experiment.table


def test_the_agent_needs_no_data_set():
    resolved = _resolve("dataset.use=nowhere")
    assert build_agent(resolved).stages
    with pytest.raises(ConfigError, match="no data set 'nowhere'"):
        build_dataset(resolved)
    with pytest.raises(ConfigError, match="no data set 'nowhere'"):
        build_experiment(resolved)


def test_a_plugin_s_component_with_every_kind_of_field(plugin):
    resolved = _resolve("labeler.use=full")
    experiment = build_experiment(resolved)
    labeler = _stages(experiment.agent)[0].labeler
    assert labeler.critic_net.hidden == (8, 8) and labeler.cap is None and labeler.spare is None
    mlp = {"use": "mlp", "hidden": [8, 8], "activation": "gelu", "layer_norm": "none"}
    assert experiment.table["labeler"] == check(resolved)["labeler"] == {
        "use": "full", "depth": 2, "rate": 0.5, "cap": "none", "critic_net": mlp, "spare": "none", "mode": "soft",
        "names": [], "scale": "none", "table": {},
    }  # fmt: skip
    assert experiment.plugins["cfgrl-hooks"] == "1.0"
    keys = ["critic_net.hidden=[4]", "cap=2", "spare.use=mlp", "names=[a]", "scale=1", "table={x = 1}"]
    keys[3] = 'names=["a"]'
    labeler = _stages(build_agent(_resolve("labeler.use=full", *(f"labeler.{key}" for key in keys))))[0].labeler
    assert (labeler.critic_net.hidden, labeler.spare.hidden[0], labeler.names) == ((4,), 512, ("a",))
    assert (float(labeler.cap), labeler.scale, labeler.table) == (2.0, 1.0, {"x": 1.0})


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["use=full", "depth=101"], ConfigError, "labeler: labeler 'full' refuses these values: too deep to dive"),
        (["use=full", "deepth=1"], ConfigError, "labeler 'full' has no key 'deepth'; did you mean 'depth'"),
        (["use=full", "depth=0"], ConfigError, "labeler.depth: must be at least 1"),
        (["use=full", "rate=0"], ConfigError, "labeler.rate: must be greater than 0"),
        (["use=full", "critic_net.use=mpl"], ConfigError, "there is no network 'mpl'; did you mean 'mlp'"),
        (["use=full", "critic_net.hiden=[1]"], ConfigError, "network 'mlp' has no key 'hiden'; did you mean 'hidden'"),
        (["use=full", "mode=none"], ConfigError, "must be 'soft' or 'hard'"),
        (["use=full", "scale=x"], ConfigError, "labeler.scale: must be a number"),
        (["use=made", "extra=x"], ConfigError, "labeler.extra: must be a whole number"),
        (["use=odd"], PluginError, "annotations of cfgrl_kit:Odd cannot be read"),
        (["use=plain"], PluginError, "cfgrl_kit:Plain is abstract; it lacks init, label, update"),
        (["use=not-one"], PluginError, "does not derive from Labeler"),
        (["use=gone"], PluginError, "cfgrl_kit:Gone cannot be imported: AttributeError"),
        (["use=sour"], PluginError, "of cfgrl-hooks 1.0: nowhere_at_all:C cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_plugin_s_component_and_what_is_wrong_with_it(plugin, overrides, error, message):
    lines = _problems(*(f"labeler.{o}" for o in overrides), error=error)
    assert message in lines[0]


def test_a_class_that_only_importing_can_read_still_builds(plugin):
    assert source_fields("cfgrl_kit:Made") is None
    assert _stages(build_agent(_resolve("labeler.use=made", "labeler.extra=7")))[0].labeler.extra == 7


def test_defaults_read_from_source(plugin):
    fields = source_fields("cfgrl_kit:Full")
    assert fields is not None
    assert list(fields) == [
        "depth", "rate", "cap", "critic_net", "spare", "mode", "names", "scale", "table"
    ]  # fmt: skip
    assert isinstance(fields["critic_net"].default, SourceDefault)
    assert fields["critic_net"].default.given == {"hidden": (8, 8)}
    odd = source_fields("cfgrl_kit:Odd")
    assert odd is not None and odd["shape"].default is None and odd["other"].kind == "unknown"


def test_a_config_file_of_something_else(tmp_path: pathlib.Path):
    (tmp_path / "config.toml").write_text("[tool]\nx = 1\n")
    with pytest.raises(ConfigError, match="names no preset"):
        read_config(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text('preset = "demo"\n[guidance]\nuse = "cfg"\nwieght = 1\n')
    with pytest.raises(ConfigError, match=r"config.toml:4: guidance.wieght"):
        build_agent(read_config(tmp_path / "config.toml"))


def test_a_run_remembers_what_was_disabled(site, tmp_path, monkeypatch):
    distribution(site, "cfgrl-two", labelers(goals="cfgrl_two:C"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PluginError, match="'goals' is given by cfgrl .* and by cfgrl-two"):
        build_agent(_resolve())
    (tmp_path / "registry.toml").write_text('disable = ["cfgrl-two"]\n')
    experiment = build_experiment(_resolve())
    write_config(experiment, tmp_path / "config.toml")
    (tmp_path / "registry.toml").unlink()
    assert build_agent(read_config(tmp_path / "config.toml")).stages
    assert dict(flatten(experiment.table))["labeler.use"] == "goals"
    assert dataclasses.is_dataclass(experiment)
