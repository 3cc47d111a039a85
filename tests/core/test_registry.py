"""Layers of registry files, `extends`, and overrides."""

import pathlib

import pytest
from fakes import distribution, labelers

from cfgrl._errors import ConfigError, PluginError
from cfgrl.config._registry import load_registries
from cfgrl.config._tables import flatten

PRESETS = "from cfgrl import hookimpl\n\n\n@hookimpl\ndef cfgrl_presets():\n    return [{path!r}]\n"


@pytest.fixture
def user(tmp_path, monkeypatch):
    """Writes the user's registry.toml in an own working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def write(text: str) -> pathlib.Path:
        (folder / "registry.toml").write_text(text)
        return folder / "registry.toml"

    return write


def test_the_packaged_presets_resolve():
    registry = load_registries()
    assert {"flow-bc", "flow-gcbc", "cfgrl-goal", "demo"} <= set(registry.presets())
    table = registry.resolve("cfgrl-goal").table
    assert table["labeler"]["use"] == "goals"
    assert table["policy"] == {"use": "flow-matching", "steps": 16, "network": {"use": "mlp", "hidden": [512] * 4}}
    assert table["guidance"] == {"use": "cfg", "weight": 3.0, "dropout": 0.1}
    assert not set(table) & {"summary", "paper", "verified", "extends"}


def test_the_checkout_s_own_file_is_not_loaded_twice(monkeypatch):
    packaged = load_registries().layers[0].file
    monkeypatch.chdir(packaged.parent)
    assert len(load_registries().layers) == 1


def test_a_user_s_file_is_found_upward_and_extends_a_preset_by_its_own_name(user, monkeypatch):
    file = user('[preset.cfgrl-goal]\nextends = "cfgrl-goal"\nguidance.weight = 1.5\n[preset.mine]\nextends = "demo"\n')
    below = file.parent / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    registry = load_registries()
    resolved = registry.resolve("cfgrl-goal")
    assert resolved.table["guidance"] == {"use": "cfg", "weight": 1.5, "dropout": 0.1}
    assert str(resolved.origins[("guidance", "weight")]) == f"{file}:3"
    assert resolved.origins[("guidance", "dropout")].file == registry.layers[0].file
    # What extends the preset's name sees the user's version of it.
    assert registry.resolve("mine").table["guidance"]["weight"] == 1.5
    assert registry.packager(registry.find("mine")) is None


def test_a_given_file_stands_instead_of_the_one_in_the_working_directory(user, tmp_path):
    user("[preset.here]\n")
    other = tmp_path / "other.toml"
    other.write_text("[preset.there]\n[defaults]\nseeds = [7]\n")
    registry = load_registries(other)
    assert "there" in registry.presets() and "here" not in registry.presets()
    assert registry.resolve("demo").table["seeds"] == [0, 1]
    assert registry.resolve("flow-bc").table["seeds"] == [7]
    with pytest.raises(ConfigError, match="no such file"):
        load_registries(tmp_path / "missing.toml")


def test_another_use_replaces_and_any_other_table_merges(user):
    user('[preset.bc]\nextends = "cfgrl-goal"\nguidance.use = "unguided"\npolicy.steps = 8\n')
    table = load_registries().resolve("bc").table
    assert table["guidance"] == {"use": "unguided"}
    assert table["policy"] == {"use": "flow-matching", "steps": 8, "network": {"use": "mlp", "hidden": [512] * 4}}


@pytest.mark.parametrize(
    "overrides", [["guidance.use=awr", "guidance.beta=2"], ["guidance.beta=2", "guidance.use=awr"]]
)
def test_use_on_the_command_line_drops_the_old_keys(overrides):
    resolved = load_registries().resolve("cfgrl-goal", overrides)
    assert resolved.table["guidance"] == {"use": "awr", "beta": 2}
    assert str(resolved.origins[("guidance", "beta")]) == "override"
    assert ("guidance", "weight") not in resolved.origins


def test_values_of_overrides():
    texts = [
        "a.i=3",
        "a.f=1e-3",
        "a.b=true",
        "a.s=pointmaze-v0",
        'a.q="4"',
        "a.l=[1, 2]",
        "a.t={x = 1}",
        "a.e=",
        "a.n=none",
    ]
    texts += ["a.eq=x=y", "a.lines=1\nz = 2"]
    a = load_registries().resolve("demo", texts).table["a"]
    assert a == {
        "i": 3, "f": 1e-3, "b": True, "s": "pointmaze-v0", "q": "4", "l": [1, 2], "t": {"x": 1}, "e": "", "n": "none",
        "eq": "x=y", "lines": "1\nz = 2",
    }  # fmt: skip


def test_overrides_from_python_take_python_s_values():
    import numpy as np

    table = (
        load_registries()
        .resolve("demo", {"guidance.weight": np.float32(2), "seeds": (3, 4), "ema.decay": None, "policy": {"steps": 4}})
        .table
    )
    assert (table["guidance"]["weight"], table["seeds"], table["ema"]["decay"]) == (2.0, [3, 4], "none")
    assert table["policy"]["steps"] == 4 and table["policy"]["use"] == "flow-matching"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("guidance.weight", "has no '='"),
        ("=3", "is not a key"),
        ("a..b=3", "is not a key"),
        ("a b=3", "is not a key"),
        ("extends=demo", "cannot be overridden"),
    ],
)
def test_overrides_that_are_none(override, message):
    with pytest.raises(ConfigError, match=message):
        load_registries().resolve("demo", [override])
    with pytest.raises(ConfigError, match="contradict|both as a table"):
        load_registries().resolve("demo", ["guidance=3", "guidance.weight=3"])


def test_unknown_presets_are_answered_with_the_closest():
    with pytest.raises(ConfigError, match="There is no preset 'cfgrl-gaol'; did you mean 'cfgrl-goal'"):
        load_registries().resolve("cfgrl-gaol")


def test_circles_and_missing_parents_are_errors(user):
    file = user(
        '[preset.a]\nextends = "b"\n[preset.b]\nextends = "a"\n[preset.self]\nextends = "self"\n'
        '[preset.cfgrl-goal]\nextends = "demo"\n[preset.lost]\nextends = "dmo"\n'
    )
    registry = load_registries()
    with pytest.raises(ConfigError, match="in a circle: a -> b -> a"):
        registry.resolve("a")
    with pytest.raises(ConfigError, match="in a circle: cfgrl-goal -> demo -> cfgrl-goal"):
        registry.resolve("cfgrl-goal")
    with pytest.raises(ConfigError, match=r"registry.toml:5: preset.self.extends: There is no preset 'self'"):
        registry.resolve("self")
    with pytest.raises(ConfigError, match="^registry.toml:9: preset.lost.extends: .*did you mean 'demo'"):
        registry.resolve("lost")
    assert file.name == "registry.toml" and "lost" in registry.presets(), "a broken preset takes down no other"


def test_all_faults_of_a_file_s_form_at_once(user):
    user("disable = 3\n[presets.x]\n[preset]\ny = 1\n[preset.Bad_Name]\n[preset.z]\nsummary = 3\n")
    with pytest.raises(ConfigError) as caught:
        load_registries()
    assert str(caught.value).splitlines() == [
        "registry.toml:2: presets: there is no 'presets' here; did you mean 'preset'? "
        "(registry.toml holds defaults, preset, sweep, disable).",
        "registry.toml:4: preset.y: must be a table: [preset.y].",
        "registry.toml:5: preset.Bad_Name: names of presets are lower-case words joined by '-'.",
        "registry.toml:7: preset.z.summary: must be a string.",
        "registry.toml:1: disable: must be a list of strings.",
    ]


def test_presets_of_plugins(site, tmp_path, user):
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(
            f'[preset.shared]\nsummary = "{name}"\n[preset.of-{name}]\nextends = "demo"\n'
        )
        distribution(site, f"cfgrl-{name}", PRESETS.format(path=str(tmp_path / f"{name}.toml")))
    (tmp_path / "bad.toml").write_text("[defaults]\nseeds = [9]\n")
    distribution(site, "cfgrl-three", PRESETS.format(path=str(tmp_path / "bad.toml")))
    registry = load_registries()
    presets = registry.presets()
    assert {"of-one", "of-two"} <= set(presets) and "shared" not in presets
    assert registry.packager(presets["of-one"]) == "cfgrl-one"
    assert registry.resolve("of-two").table["seeds"] == [0, 1]
    with pytest.raises(PluginError, match=r"by cfgrl-one .* and by cfgrl-two .*`disable = \[.cfgrl-one:shared.\]` or"):
        registry.resolve("shared")
    (failed,) = registry.catalogue.failures()
    assert failed.name == "cfgrl-three" and "there is no 'defaults' here" in str(failed.failure)
    user('disable = ["cfgrl-one:shared"]\n')
    assert load_registries().find("shared").summary == "two"
    user('[preset.shared]\nsummary = "mine"\n')
    assert load_registries().find("shared").summary == "mine"


def test_a_preset_whose_component_is_missing_still_lists(user):
    user('[preset.dreamt]\nextends = "demo"\nlabeler.use = "dreams"\n')
    assert "dreamt" in load_registries().presets()


def test_stages_share_what_stands_at_the_top(user):
    user(
        '[preset.two]\nextends = "cfgrl-goal"\nstage.high.labeler.use = "subgoals"\n'
        'stage.low.labeler.sampling = "rounded"\n'
        "stage.low.guidance.weight = 2.0\n"
    )
    registry = load_registries()
    table = registry.resolve("two").table
    assert set(table) & {"labeler", "policy", "guidance"} == set()
    assert table["stage"]["high"]["labeler"] == {"use": "subgoals"}
    assert table["stage"]["low"]["labeler"] == {"use": "goals", "sampling": "rounded"}
    assert (
        table["stage"]["high"]["policy"]
        == table["stage"]["low"]["policy"]
        == registry.resolve("cfgrl-goal").table["policy"]
    )
    resolved = registry.resolve("two", ["guidance.weight=5", "stage.high.guidance.weight=4"])
    assert resolved.table["stage"]["low"]["guidance"]["weight"] == 5
    assert resolved.table["stage"]["high"]["guidance"]["weight"] == 4
    assert "stage.low.policy.steps" in dict(flatten(resolved.table))


def test_disable_takes_out_a_component(site, user):
    distribution(site, "cfgrl-good", labelers(fine="cfgrl_good:Fine", finer="cfgrl_good:Finer"))
    user('disable = ["cfgrl-good:fine"]\n')
    names = load_registries().catalogue.entries("labelers")
    assert "finer" in names and "fine" not in names
