"""`cfgrl list`, `show`, `plugins` as a user runs them: in a child process, without jax."""

import json
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest
from fakes import BROKEN, MISSPELT, distribution, labelers

# The last line of stderr says which heavy packages the command imported.
PROBE = (
    "import sys; from cfgrl.cli._main import main; code = main(sys.argv[1:]); "
    "print('heavy:', *sorted({'jax', 'equinox', 'numpy', 'ogbench'} & set(sys.modules)), file=sys.stderr); "
    "sys.exit(code)"
)
FAMILIES = ["labelers", "policies", "guidance", "events", "networks", "datasets", "presets"]


def _cfgrl(*arguments: str, cwd: pathlib.Path, path: pathlib.Path | None = None, code: int = 0) -> tuple[str, str]:
    """Runs `cfgrl`; returns what it printed and what it said, without the probe's line, which must be empty."""
    environment = {**os.environ, "PYTHONPATH": str(path)} if path else dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )
    said, _, heavy = done.stderr.rpartition("heavy:")
    assert done.returncode == code, done.stderr
    assert heavy.strip() == "", heavy
    assert "Traceback" not in done.stderr
    return done.stdout, said


@pytest.fixture
def broken_site(tmp_path):
    """A good plugin, one that raises, one with a misspelt hook, one that takes a built-in name."""
    folder = tmp_path / "site"
    folder.mkdir()
    distribution(folder, "cfgrl-good", "print('hello')\n" + labelers(fine="cfgrl_good:Fine"))
    distribution(folder, "cfgrl-aa-broken", BROKEN)
    distribution(folder, "cfgrl-misspelt", MISSPELT)
    distribution(folder, "cfgrl-twin", labelers(goals="cfgrl_twin:Goals"))
    return folder


def test_list(tmp_path):
    out, said = _cfgrl("list", "--json", cwd=tmp_path)
    listed = json.loads(out)
    assert list(listed) == FAMILIES and said == ""
    assert {"behaviour", "goals"} <= set(listed["labelers"]) and {"cfg", "unguided"} <= set(listed["guidance"])
    assert {"flow-bc", "flow-gcbc", "cfgrl-goal", "demo"} <= set(listed["presets"])
    for entries in listed.values():
        for about in entries.values():
            assert {"summary", "distribution", "paper", "verified"} <= set(about)
            assert about["distribution"] == "cfgrl" and about["summary"]
    assert all(about["paper"] and about["verified"] for about in listed["presets"].values())
    text, _ = _cfgrl("list", cwd=tmp_path)
    assert all(name in text for entries in listed.values() for name in entries)
    one, _ = _cfgrl("list", "guidance", "--json", cwd=tmp_path)
    assert json.loads(one) == {"guidance": listed["guidance"]}


def test_show_component(tmp_path):
    out, _ = _cfgrl("show", "cfg", "--json", cwd=tmp_path)
    about = json.loads(out)["guidance"]["cfg"]
    assert about["keys"]["weight"] == {"type": "number, at least 0", "default": 3.0}
    assert about["keys"]["dropout"]["type"] == "number, greater than 0, less than 1"
    assert "**Arguments:**" in about["doc"]
    text, _ = _cfgrl("show", "networks/mlp", cwd=tmp_path)
    assert 'activation: "gelu" or "mish"' in text and "[512, 512, 512, 512]" in text
    text, _ = _cfgrl("show", "iql", cwd=tmp_path)
    assert 'network: table with `use`, one of the networks; default MLP(layer_norm = "after")' in text
    text, _ = _cfgrl("show", "ogbench", cwd=tmp_path)
    assert "name: string; required" in text and 'dir: string or "none"; default "none"' in text


def test_show_preset_is_toml_with_the_origin_of_each_key(tmp_path):
    (tmp_path / "registry.toml").write_text('[preset.mine]\nextends = "demo"\nguidance.weight = 2.5\n')
    out, _ = _cfgrl("show", "mine", "train.steps=7", cwd=tmp_path)
    table = tomllib.loads(out)
    assert (table["guidance"]["weight"], table["train"]["steps"]) == (2.5, 7)
    lines = {line.split(" = ")[0]: line.rpartition("# ")[2] for line in out.splitlines() if " = " in line}
    assert lines["guidance.weight"] == "registry.toml:3" and lines["train.steps"] == "override"
    assert lines["optimizer.clip_norm"] == "default" and "registry.toml:" in lines["labeler.use"]
    details = json.loads(_cfgrl("show", "mine", "train.steps=7", "--json", cwd=tmp_path)[0])["presets"]["mine"]
    assert details["table"] == table and details["origins"] == lines and details["problems"] == []
    assert (details["extends"], details["distribution"]) == ("demo", None)


def test_show_a_preset_that_cannot_be_built(tmp_path):
    (tmp_path / "registry.toml").write_text('[preset.mine]\nextends = "demo"\nlabeler.use = "dreams"\n')
    assert "mine" in json.loads(_cfgrl("list", "presets", "--json", cwd=tmp_path)[0])["presets"]
    out, _ = _cfgrl("show", "mine", cwd=tmp_path)
    assert "# problem: registry.toml:3: labeler.use: there is no labeler 'dreams'" in out
    assert tomllib.loads(out)["labeler"]["use"] == "dreams"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "dmo"], 2, "did you mean 'demo'"),
        (["show", "guidance/cgf"], 2, "did you mean 'cfg'"),
        (["show", "gidance/cfg"], 2, "There is no family 'gidance'"),
        (["show", "cfg", "a=1"], 2, "only a preset takes KEY=VALUE"),
        (["list", "--registry", "none.toml"], 2, "none.toml: there is no such file"),
        (["train", "cfgrl-gaol"], 2, "did you mean 'cfgrl-goal'"),
        (["train", "demo", "guidance.wieght=1"], 2, "override: guidance.wieght: guidance 'cfg' has no key 'wieght'"),
        (["train", "demo", "labeler.use=gols"], 2, "did you mean 'goals'"),
        (["train", "demo", "train.steps=0"], 2, "override: train.steps: must be at least 1"),
    ],
)
def test_wrong_names_are_answered_without_jax(tmp_path, arguments, code, message):
    out, said = _cfgrl(*arguments, cwd=tmp_path, code=code)
    assert message in said and said.startswith("cfgrl: error: ") and out == ""
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


def test_a_registry_file_that_is_wrong(tmp_path):
    (tmp_path / "registry.toml").write_text("[preset.mine]\nextends = \n")
    _, said = _cfgrl("list", cwd=tmp_path, code=2)
    assert said.startswith("cfgrl: error: registry.toml:2: not valid TOML")


def test_plugins_tells_what_is_there_and_what_failed(tmp_path, broken_site):
    out, said = _cfgrl("plugins", "--json", cwd=tmp_path, path=broken_site)
    assert "hello" in said, "what a plugin prints does not end up in the result"
    answer = json.loads(out)
    plugins = {plugin["name"]: plugin for plugin in answer["plugins"]}
    assert plugins["cfgrl-good"]["components"] == {"labelers": ["fine"]} and plugins["cfgrl-good"]["failure"] is None
    assert (plugins["cfgrl-good"]["distribution"], plugins["cfgrl-good"]["version"]) == ("cfgrl-good", "1.0")
    assert plugins["cfgrl-aa-broken"]["failure"] == "RuntimeError: no such luck"
    assert "did you mean 'cfgrl_labelers'" in plugins["cfgrl-misspelt"]["failure"]
    (conflict,) = answer["conflicts"]
    assert "'goals' is given by cfgrl " in conflict and '"cfgrl-twin:goals"' in conflict
    text, _ = _cfgrl("plugins", cwd=tmp_path, path=broken_site)
    assert "did not load: RuntimeError: no such luck" in text and "conflict: the labeler 'goals'" in text


def test_broken_plugins_leave_the_rest_usable(tmp_path, broken_site):
    out, said = _cfgrl("list", "--json", cwd=tmp_path, path=broken_site)
    listed = json.loads(out)
    assert listed["labelers"]["fine"]["distribution"] == "cfgrl-good"
    assert "goals" not in listed["labelers"] and "cfg" in listed["guidance"] and "demo" in listed["presets"]
    assert "cfgrl-aa-broken 1.0 (cfgrl_aa_broken) did not load: RuntimeError: no such luck" in said
    assert "there is no hook 'cfgrl_labellers'" in said and "left out: the labeler 'goals'" in said
    for name, reason in (("sunken", "no such luck"), ("goals", "is given by"), ("cfgrl-misspelt", "cfgrl_labellers")):
        _, said = _cfgrl("show", name, cwd=tmp_path, path=broken_site, code=4)
        assert reason in said
    _, said = _cfgrl("train", "demo", cwd=tmp_path, path=broken_site, code=4)
    assert 'choose with `disable = ["cfgrl:goals"]` or `disable = ["cfgrl-twin:goals"]`' in said
    (tmp_path / "registry.toml").write_text('disable = ["cfgrl-twin"]\n')
    assert "goals" in json.loads(_cfgrl("list", "--json", cwd=tmp_path, path=broken_site)[0])["labelers"]
    _, said = _cfgrl("train", "demo", "labeler.use=sunken", cwd=tmp_path, path=broken_site, code=4)
    assert "cfgrl-aa-broken 1.0" in said and "no such luck" in said


def test_ten_plugins_of_which_one_is_broken_and_one_slow_to_import(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    for number in range(8):
        distribution(site, f"cfgrl-number-{number}", labelers("2", **{f"number_{number}": f"cfgrl_number_{number}:C"}))
    distribution(site, "cfgrl-broken", BROKEN)
    distribution(site, "cfgrl-slow", labelers("2", slow="cfgrl_slow_class:Slow"))
    (site / "cfgrl_slow_class.py").write_text("raise SystemExit('the class was imported')\n")
    out, said = _cfgrl("list", "--json", cwd=tmp_path, path=site)
    assert {"slow", *(f"number-{number}" for number in range(8))} <= set(json.loads(out)["labelers"])
    assert "cfgrl-broken 1.0 (cfgrl_broken) did not load: RuntimeError: no such luck" in said
    assert "the class was imported" not in said
    out, _ = _cfgrl("plugins", cwd=tmp_path, path=site)
    assert "did not load: RuntimeError: no such luck" in out
    _, said = _cfgrl("plugins", "--strict", cwd=tmp_path, path=site, code=4)
    assert "cfgrl-broken 1.0" in said


def test_a_name_that_the_environment_selects_and_nobody_has(tmp_path, monkeypatch):
    monkeypatch.setenv("CFGRL_PLUGINS", "cfgrl-labelers,cfgrl-labellers")
    out, said = _cfgrl("list", "labelers", "--json", cwd=tmp_path)
    assert "goals" in json.loads(out)["labelers"]
    assert "CFGRL_PLUGINS names 'cfgrl-labellers', which is not installed; did you mean 'cfgrl-labelers'?" in said


def test_a_preset_of_a_plugin_that_is_not_installed(tmp_path):
    (tmp_path / "registry.toml").write_text('[preset.mine]\nextends = "demo"\nguidance.use = "autoguidance"\n')
    _, said = _cfgrl("train", "mine", cwd=tmp_path, code=4)
    assert "registry.toml:3: guidance.use: there is no guidance 'autoguidance' here" in said
    assert "cfgrl-example-autoguidance brings it; install it with `pip install ./docs/examples/autoguidance`" in said
