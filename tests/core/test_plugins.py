"""Discovery: a broken plugin is recorded with its reason and takes nothing else down."""

import tomllib

import pytest
from fakes import BROKEN, MISSPELT, distribution, labelers

from cfgrl._errors import ConfigError, PluginError
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.catalogue._component import BUILT_IN, Component, families, family_called, groups
from cfgrl.catalogue._directory import FILE
from cfgrl.catalogue._fields import source_fields
from cfgrl.catalogue._hooks import PLUGIN_API
from cfgrl.catalogue._plugins import Plugin, discover
from cfgrl.config._build import build_agent
from cfgrl.config._registry import load_registries
from cfgrl.config._run_config import read_config
from cfgrl.testing import checks_for
from cfgrl.testing._companions import family_of
from cfgrl_plugins.labelers.goals import Goals


def _plugin(name: str, plugins: tuple[Plugin, ...]) -> Plugin:
    return next(plugin for plugin in plugins if plugin.name == name)


def test_the_built_in_families_come_from_entry_points():
    plugins = [plugin for plugin in discover() if plugin.distribution == "cfgrl"]
    assert [plugin.failure for plugin in plugins] == [None] * 5
    assert {family for plugin in plugins for family in plugin.components} == {
        "labelers", "policies", "guidance", "events", "networks", "datasets"
    }  # fmt: skip


def test_a_good_plugin_among_broken_ones(site):
    distribution(site, "cfgrl-aa-broken", BROKEN)
    distribution(site, "cfgrl-good", labelers(fine="cfgrl_good:Fine"))
    distribution(site, "cfgrl-misspelt", MISSPELT)
    distribution(site, "cfgrl-zz-exits", "raise SystemExit(0)")
    plugins = discover()
    assert _plugin("cfgrl-aa-broken", plugins).failure == "RuntimeError: no such luck"
    assert _plugin("cfgrl-misspelt", plugins).failure == (
        "there is no hook 'cfgrl_labellers'; did you mean 'cfgrl_labelers'?"
    )
    assert "SystemExit" in str(_plugin("cfgrl-zz-exits", plugins).failure)
    good = _plugin("cfgrl-good", plugins)
    assert (good.failure, good.version) == (None, "1.0")
    assert set(good.components["labelers"]) == {"fine"}
    assert "goals" in load_catalogue().entries("labelers")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("@hookimpl\ndef cfgrl_labelers(): return ['x']", "returned list"),
        ("@hookimpl\ndef cfgrl_labelers(): return {'Bad Name': Component('m:C', 's')}", "'Bad Name'"),
        ("@hookimpl\ndef cfgrl_labelers(): return {'x': 'm:C'}", "gives str for 'x'"),
        ("@hookimpl\ndef cfgrl_labelers(): return {'x': Component('no-colon', 's')}", "package.module:Class"),
        ("@hookimpl\ndef cfgrl_labelers(): return {'x': Component('m:C', ' ')}", "summary"),
        ("@hookimpl\ndef cfgrl_labelers(registry): return {}", "cfgrl_labelers"),
        ("@hookimpl\ndef cfgrl_labelers(): raise ValueError('in the hook')", "ValueError: in the hook"),
        ("@hookimpl\ndef cfgrl_presets(): return ['/nowhere.toml']", "not a file"),
        ("@hookimpl\ndef cfgrl_presets(): return '/nowhere.toml'", "not a list of paths"),
        ("def cfgrl_labelers(): return {}", "implements no hook"),
    ],
)
def test_what_a_plugin_can_do_wrong(site, body, message):
    distribution(site, "cfgrl-wrong", f"from cfgrl import Component, hookimpl\n{body}\n")
    plugin = _plugin("cfgrl-wrong", discover())
    assert plugin.failure is not None and message in plugin.failure
    assert not plugin.components and not plugin.presets


def test_a_failed_plugin_matters_to_those_who_ask_for_it(site):
    distribution(site, "cfgrl-aa-broken", BROKEN)
    catalogue = load_catalogue()
    assert catalogue.find("labelers", "goals").plugin.distribution == "cfgrl"
    with pytest.raises(PluginError, match="cfgrl-aa-broken 1.0 .* did not load: RuntimeError: no such luck"):
        catalogue.find("labelers", "sunken")
    with pytest.raises(PluginError, match="did not load"):
        catalogue.find("labelers", "aa-broken")
    with pytest.raises(ConfigError, match="did you mean 'goals'"):
        catalogue.find("labelers", "gols")


def test_a_name_given_twice_names_both_and_is_settled_by_disable(site):
    distribution(site, "cfgrl-one", labelers(twin="cfgrl_one:A", other="cfgrl_one:B"))
    distribution(site, "cfgrl-two", labelers(twin="cfgrl_two:C"), version="2.5")
    catalogue = load_catalogue()
    assert "twin" not in catalogue.entries("labelers") and "other" in catalogue.entries("labelers")
    with pytest.raises(PluginError) as caught:
        catalogue.find("labelers", "twin")
    for part in ("cfgrl-one 1.0", "cfgrl-two 2.5", '"cfgrl-one:twin"', '"cfgrl-two:twin"'):
        assert part in str(caught.value)
    settled = load_catalogue(["Cfgrl_One:twin"])
    assert settled.find("labelers", "twin").plugin.distribution == "cfgrl-two"
    assert settled.find("labelers", "other").plugin.distribution == "cfgrl-one"
    without = load_catalogue(["cfgrl-two"])
    assert without.find("labelers", "twin").plugin.distribution == "cfgrl-one"
    assert _plugin("cfgrl-two", without.plugins).disabled


def test_a_disabled_plugin_is_not_imported(site):
    distribution(site, "cfgrl-unwanted", BROKEN.replace("sunken", "ghost"))
    catalogue = load_catalogue(["cfgrl-unwanted"])
    assert _plugin("cfgrl-unwanted", catalogue.plugins).failure is None
    with pytest.raises(ConfigError, match="disabled"):
        catalogue.find("labelers", "ghost")


def test_the_environment_limits_what_is_loaded(site, monkeypatch):
    distribution(site, "cfgrl-good", labelers(fine="cfgrl_good:Fine"))
    monkeypatch.setenv("CFGRL_PLUGINS", "cfgrl-guidance, Cfgrl.Good")
    loaded = {plugin.name for plugin in discover() if not plugin.disabled}
    assert loaded == {"cfgrl-guidance", "cfgrl-good"}


@pytest.mark.parametrize(
    ("api", "message"),
    [
        ("3", "version 3 of the plugin interface, and cfgrl 0.1.0 has version 2: upgrade cfgrl"),
        ("1", "version 1 of the plugin interface, and cfgrl 0.1.0 has version 2: upgrade cfgrl-good, or change it: "),
        ("1", "`loss(given, label)`, `sample(given, weight)` and `field(given, weight)`, `CFG` takes an `event`"),
        ("True", "must be a whole number"),
    ],
)
def test_a_plugin_for_another_interface_is_not_loaded(site, api, message):
    distribution(site, "cfgrl-good", labelers(api, fine="cfgrl_good:Fine"))
    plugin = _plugin("cfgrl-good", discover())
    assert plugin.failure is not None and message in plugin.failure and not plugin.components


def test_the_interface_that_a_plugin_declares_is_known(site):
    distribution(site, "cfgrl-good", labelers("2", fine="cfgrl_good:Fine"))
    distribution(site, "cfgrl-silent", labelers(other="cfgrl_silent:Other"))
    plugins = discover()
    assert {_plugin(name, plugins).api for name in ("cfgrl-good", "cfgrl-labelers")} == {PLUGIN_API}
    silent = _plugin("cfgrl-silent", plugins)
    assert silent.api is None and silent.failure is None and silent.components


FAMILY = """
from cfgrl import Component, Family, hookimpl

@hookimpl
def cfgrl_families():
    return {"schedules": Family("cfgrl_bb_family:Schedule", "schedule", "how does the weight change on the way?")}

@hookimpl
def cfgrl_components():
    return {"schedules": {"flat": Component("cfgrl_bb_family:Flat", summary="the same all the way")}}
"""
MEMBER = """
from cfgrl import Component, hookimpl

@hookimpl
def cfgrl_components():
    return {FAMILY: {"steep": Component("cfgrl_aa_member:Steep", summary="steep"), }}
"""


LINKS = """
import abc
import dataclasses

class Network(abc.ABC):
    @abc.abstractmethod
    def bend(self): ...

@dataclasses.dataclass(frozen=True)
class Flat(Network):
    def bend(self): ...

@dataclasses.dataclass(frozen=True)
class Holder:
    link: Network
"""


def test_a_family_comes_from_one_plugin_and_its_members_from_any(site):
    distribution(site, "cfgrl-bb-family", FAMILY)
    distribution(site, "cfgrl-aa-member", MEMBER.replace("FAMILY", "'schedules'"))  # loaded before its family
    catalogue = load_catalogue()
    assert set(catalogue.entries("schedules")) == {"flat", "steep"}
    assert catalogue.find("schedules", "steep").plugin.distribution == "cfgrl-aa-member"
    assert families()["schedules"].singular == "schedule" and family_called("schedule") == "schedules"
    with pytest.raises(ConfigError, match="there is no schedule 'step'; did you mean 'steep'"):
        catalogue.find("schedules", "step")
    # Another discovery, another set: nothing of the first stays.
    without = load_catalogue(["cfgrl-bb-family"])
    failure = _plugin("cfgrl-aa-member", without.plugins).failure
    assert failure is not None and "family 'schedules', which nobody brings" in failure
    assert "cfgrl-bb-family 1.0 is disabled and may have brought it" in failure
    assert "schedules" not in families()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FAMILY.replace('"schedules": Family', '"labelers": Family'), "brings a family 'labelers', which cfgrl has"),
        (
            FAMILY.replace('"schedule", "how', '"labeler", "how'),
            "the singular 'labeler' of its family 'schedules' has a",
        ),
        (FAMILY.replace('"schedules": Family', '"Sche dules": Family'), "gives the name 'Sche dules'"),
        (FAMILY.replace("cfgrl_bb_family:Schedule", "Schedule"), "reads 'package.module:Class'"),
        (MEMBER.replace("FAMILY", "'labellers'"), "a family 'labellers', which nobody brings; did you mean 'labelers'"),
        (MEMBER.replace("{FAMILY: {", "[{").replace("}}", "}]"), "returned list, not a dict of families"),
        (MEMBER.replace("FAMILY", "'events'").replace("Component(", "dict(target="), "gives dict for 'steep'"),
    ],
)
def test_what_a_plugin_can_do_wrong_with_families(site, body, message):
    distribution(site, "cfgrl-wrong", body)
    plugin = _plugin("cfgrl-wrong", discover())
    assert plugin.failure is not None and message in plugin.failure
    assert not plugin.components and _plugin("cfgrl-labelers", discover()).failure is None
    assert families() == BUILT_IN and family_called("labeler") == "labelers"


def test_a_family_given_twice_names_both_and_is_settled_by_disable(site):
    distribution(site, "cfgrl-bb-family", FAMILY)
    distribution(site, "cfgrl-cc-family", FAMILY)
    for name in ("cfgrl-bb-family", "cfgrl-cc-family"):
        failure = _plugin(name, discover()).failure
        assert failure is not None and "'schedules' is given by cfgrl-bb-family 1.0 and by cfgrl-cc-family" in failure
    settled = discover(["cfgrl-cc-family:schedules"])
    assert _plugin("cfgrl-bb-family", settled).failure is None and "schedules" in families()


def test_a_family_disturbs_nobody_else(site):
    """Its base class is called as one of the core's, its checks do not exist, and another base cannot be imported."""
    distribution(site, "cfgrl-aa-absent", FAMILY.replace("schedules", "absents"))
    source = FAMILY.replace('cfgrl_bb_family:Schedule", "schedule', 'cfgrl_links:Network", "link')
    source = source.replace('on the way?"', 'on the way?", checks="cfgrl_links:NONE"')
    distribution(site, "cfgrl-bb-family", source.replace("schedules", "links"))
    (site / "cfgrl_links.py").write_text(LINKS)
    load_catalogue()
    assert {"absents", "links"} <= set(families())
    found = source_fields("cfgrl_plugins.policies.flow_matching:FlowMatching")
    assert found is not None and found["network"].family == "networks"
    mine = source_fields("cfgrl_links:Holder")
    assert mine is not None and mine["link"].family == "links"
    from cfgrl_links import Flat  # type: ignore[import-not-found]  # written above

    assert family_of(Flat) == "links" and family_of(Goals) == "labelers" and checks_for(Goals)
    with pytest.raises(PluginError, match="cfgrl_links:NONE cannot be imported"):
        checks_for(Flat)


def test_every_built_in_part_is_imported_from_one_place_when_it_is_used():
    import cfgrl_plugins

    catalogue = load_catalogue()
    wanted = {
        entry.component.target
        for family in BUILT_IN
        for entry in catalogue.entries(family).values()
        if entry.component.target.startswith("cfgrl_plugins")
    }
    found = {f"{(cls := getattr(cfgrl_plugins, name)).__module__}:{cls.__name__}" for name in cfgrl_plugins.__all__}
    # Two networks are those of `cfgrl.nn`, under their names of the catalogue.
    assert wanted - found == {"cfgrl_plugins.networks.mlp:MLP", "cfgrl_plugins.networks.residual_mlp:ResidualMLP"}
    assert found <= wanted


def test_strict_mode_raises_what_is_otherwise_only_recorded(site, monkeypatch):
    distribution(site, "cfgrl-aa-broken", BROKEN)
    distribution(site, "cfgrl-twin", labelers(goals="cfgrl_twin:Goals"))
    assert load_registries().catalogue.failures()
    monkeypatch.setenv("CFGRL_PLUGINS_STRICT", "1")
    with pytest.raises(PluginError) as caught:
        load_registries()
    for part in ("cfgrl-aa-broken 1.0", "RuntimeError: no such luck", "the labeler 'goals' is given by"):
        assert part in str(caught.value)
    monkeypatch.setenv("CFGRL_PLUGINS", "cfgrl,cfgrl-absent")
    with pytest.raises(PluginError, match="CFGRL_PLUGINS names 'cfgrl-absent', which is not installed"):
        load_registries()
    monkeypatch.setenv("CFGRL_PLUGINS", "cfgrl")
    assert load_registries().catalogue.failures() == []


def test_a_missing_plugin_is_named_where_the_directory_knows_it(site):
    catalogue = load_catalogue()
    with pytest.raises(PluginError) as caught:
        catalogue.find("guidance", "autoguidance")
    assert str(caught.value) == (
        "there is no guidance 'autoguidance' here: cfgrl-example-autoguidance brings it; install it with "
        "`pip install ./docs/examples/autoguidance`"
    )
    with pytest.raises(PluginError, match="no preset 'autoguided' here: cfgrl-example-autoguidance brings it"):
        load_registries().resolve("autoguided")
    distribution(site, "cfgrl-example-autoguidance", labelers(other="cfgrl_example_autoguidance:Other"))
    with pytest.raises(ConfigError, match="no guidance 'autoguidance'"):
        load_catalogue().find("guidance", "autoguidance")


def test_an_unknown_name_tells_of_plugins_that_did_not_load(site):
    distribution(site, "cfgrl-aa-broken", BROKEN)
    with pytest.raises(ConfigError, match="cfgrl-aa-broken 1.0 did not load and may have brought it: RuntimeError: no"):
        load_registries().resolve("its-preset")


def test_the_directory_has_the_form_that_it_asks_for():
    tables = tomllib.loads(FILE.read_text())["plugin"]
    for about in tables.values():
        lists = {key for key in about if isinstance(about[key], list)}
        assert set(about) - lists == {"summary", "install", "home", "api"}
        assert all(isinstance(about[group], list) and about[group] for group in set(about) & set(groups()))
        assert any(group in about for group in groups()) and type(about["api"]) is int


def test_a_run_names_the_plugin_that_it_was_made_with(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        'preset = "demo"\nlabeler.use = "lost"\npolicy.use = "flow-matching"\nguidance.use = "unguided"\n'
        '[plugins]\ncfgrl = "0.1.0"\ncfgrl-lost = "2.3"\n'
    )
    with pytest.raises(PluginError, match="no labeler 'lost' here: the run was made with cfgrl-lost 2.3, which is not"):
        build_agent(read_config(config))


def test_the_order_on_the_path_decides_nothing(site, tmp_path, monkeypatch):
    distribution(site, "cfgrl-zz", labelers(zz="cfgrl_zz:Z"))
    other = tmp_path / "other"
    other.mkdir()
    distribution(other, "cfgrl-bb", labelers(bb="cfgrl_bb:B"))
    monkeypatch.syspath_prepend(other)
    names = [plugin.name for plugin in discover()]
    assert names == [p.name for p in sorted(discover(), key=lambda p: (p.distribution, p.name))]
    assert {"cfgrl-zz", "cfgrl-bb"} <= set(names)


def test_a_class_that_cannot_be_imported_says_why(site):
    (site / "cfgrl_sour.py").write_text("import module_that_nobody_has\n")
    with pytest.raises(
        PluginError, match="cfgrl_sour:C cannot be imported: ModuleNotFoundError.*module_that_nobody_has"
    ):
        Component("cfgrl_sour:C", "s").load()
    (site / "cfgrl_bare.py").write_text("C = 3\n")
    with pytest.raises(PluginError, match="not a class"):
        Component("cfgrl_bare:C", "s").load()
