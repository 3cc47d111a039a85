"""What `cfgrl plugin new` writes, installed for real: it passes its own tests, untouched, and its presets are there."""

import pathlib

import pytest
from users import User, environment

from cfgrl.plugin._new import KINDS, new_plugin


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    folder = tmp_path_factory.mktemp("author")
    for kind in KINDS:
        new_plugin(f"cfgrl-my-{kind}", kind, folder)
    author = User(environment(folder / "environment"), folder)
    author.install(*(f"cfgrl-my-{kind}" for kind in KINDS))
    return author


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests(user: User, kind: str) -> None:
    folder: pathlib.Path = user.folder / f"cfgrl-my-{kind}"
    told = user.run("-m", "pytest", "--quiet", cwd=folder)
    assert " passed in " in told and "failed" not in told


def test_its_name_and_preset_are_listed(user: User) -> None:
    listed = user.json("list")
    for kind, (family, summary) in KINDS.items():
        about = listed[family][f"my-{kind}"]
        assert (about["summary"], about["distribution"]) == (summary, f"cfgrl-my-{kind}")
        assert listed["presets"][f"my-{kind}-demo"]["distribution"] == f"cfgrl-my-{kind}"
    assert all(plugin["failure"] is None and plugin["api"] for plugin in user.json("plugins")["plugins"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_checked_untouched(user: User, kind: str) -> None:
    """By its name for one kind, by its folder for the others."""
    target = f"cfgrl-my-{kind}" if kind == "dataset" else f"./cfgrl-my-{kind}"
    report = user.json("plugin", "check", target)
    assert report["counts"]["failed"] == 0 and report["counts"]["passed"] >= 25
    assert [part["name"] for part in report["parts"]] == [f"cfgrl-my-{kind}", f"my-{kind}"]


def test_the_walk_of_the_documentation(user: User) -> None:
    """The new idea passes the checks, and the test of the old promise fails, as the page says."""
    page = (pathlib.Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
    idea = page.split("```python\ndef guided")[1].split("```")[0]
    new_plugin("cfgrl-interval", "guidance", user.folder)
    folder = user.folder / "cfgrl-interval"
    file = folder / "src" / "cfgrl_interval" / "guidance.py"
    before, _, rest = file.read_text().partition("def guided")
    after = rest[rest.index("\n        return guided") :]
    file.write_text(f"{before}def guided{idea.rstrip().replace(chr(10), chr(10) + ' ' * 8)}\n{after}")
    user.install("cfgrl-interval")
    report = user.json("plugin", "check", "./cfgrl-interval")
    assert report["counts"] == {"passed": report["counts"]["passed"], "failed": 0, "expected": 0, "unexpected": 0}
    with pytest.raises(AssertionError, match=r"test_it_pushes_inside_the_interval_only\[0.5-4.0\]"):
        user.run("-m", "pytest", "--quiet", "tests/test_guidance.py", cwd=folder)
    test = folder / "tests" / "test_guidance.py"
    test.write_text(test.read_text().replace("(0.5, 4.0), (0.95, 1.0)", "(0.2, 1.0), (0.95, 4.0)"))
    user.run("-m", "pytest", "--quiet", "tests/test_guidance.py", cwd=folder)


def test_a_preset_on_its_own_data_trains_and_is_judged(user: User) -> None:
    small = ("seeds=[0]", "train.steps=4", "train.batch_size=8", "policy.network.hidden=[8]", "policy.steps=2")
    run = str(user.folder / "run")
    assert user.json("train", "my-dataset-demo", *small, "--run-dir", run)["step"] == 4
    record = user.json("eval", run, "--episodes", "1", "--weights", "1,2")
    assert [result["n_failed"] for result in record["results"]] == [0, 0]
