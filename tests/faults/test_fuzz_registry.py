"""Registry files and overrides of nonsense: exit code 2 (4 where a plugin is to blame), one message, nothing done."""

import os
import pathlib
from typing import Any

import pytest
import tomli_w
from fuzzing import PROFILES, fuzz, watched
from hypothesis import strategies as st
from nonsense import byte_edits, edited, keys, trees, values

VALID = {
    "defaults": {"train": {"batch_size": 16}, "eval": {"weights": [0.0, 1.0]}},
    "disable": ["someone:else"],
    "preset": {
        "mine": {
            "summary": "mine", "paper": "a paper", "verified": "no", "docs": "a page", "results": "another",
            "extends": "base", "seeds": [0, 1],
            "guidance": {"use": "cfg", "weight": 1.5, "dropout": 0.1},
        },
        "base": {
            "extends": "cfgrl-goal",
            "dataset": {"use": "ogbench", "name": "pointmaze-medium-navigate-v0", "dir": "nowhere"},
            "policy": {"use": "flow-matching", "steps": 2, "network": {"use": "mlp", "hidden": [8, 8]}},
            "optimizer": {"learning_rate": 1e-3, "clip_norm": "none"},
            "train": {"steps": 2, "log_every": 1},
        },
        "two": {"extends": "hierarchical-flow-gcbc", "stage": {"high": {"policy": {"steps": 2}}, "low": {}}},
    },
}  # fmt: skip
NAMES = ("mine", "base", "two", "cfgrl-goal")
#: Words that a registry knows, so that a nonsense file comes near to a sensible one.
WORDS = (
    "use", "extends", "summary", "policy", "labeler", "guidance", "network", "hidden", "dataset", "train", "steps",
    "seeds", "stage", "high", "low", "optimizer", "ema", "view", "eval", "weights", "checkpoint", "act", "cfg", "mlp",
    "flow-matching", "iql", "goals", "none", "cfgrl-goal", "mine", "base", "ogbench", "npz", "minari", "exorl", "d4rl",
)  # fmt: skip
DATES = st.one_of(st.dates(), st.datetimes(), st.times())
KEYS, VALUES = keys(*WORDS), values(*WORDS, more=DATES)
REGISTRIES = trees(VALID, KEYS, VALUES)


def toml(values: dict[str, Any]) -> bytes:
    return tomli_w.dumps(values).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("registry")
    (folder / "registry.toml").write_bytes(toml(VALID))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CFGRL_CACHE", str(folder / "cache"))
        for words in (["show", "two"], ["list"]):  # what is imported once is imported here
            assert watched([*words, "--registry", str(folder / "registry.toml")], codes=[0], excused=EXCUSED)
    return folder


EXCUSED = ("ctypes.dlopen", "marshal.loads")  # the imports of a first use


def shown(folder: pathlib.Path, content: bytes) -> None:
    file = folder / "fuzzed.toml"
    file.write_bytes(content)
    json = ["--json"] if len(content) % 3 == 0 else []
    watched(["show", NAMES[len(content) % 4], *json, "--registry", str(file)], codes=[0, 2, 4])
    watched(["list", *json, "--registry", str(file)], codes=[0, 2])


@pytest.mark.parametrize("profile", PROFILES)
def test_registry_text(profile: str, folder: pathlib.Path) -> None:
    start = toml(VALID)
    texts = st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(st.sampled_from(list("[]{}=.\"'\\\n#,-+_ 0x1eTZ:")) | st.sampled_from(WORDS), max_size=60).map(
            lambda parts: "".join(parts).encode()
        ),
        byte_edits().map(lambda edits: edited(start, edits)),
    )
    fuzz("registry text", profile, texts, lambda content: shown(folder, content), *TEXTS)


TEXTS = (
    b"\xff\xfe", b"x = " + b"[" * 20000, b"x = " + b"[" * 500 + b"]" * 500, b"x = " + b"{a=" * 20000,
    b"[" * 5000, b"a." * 20000 + b"b = 1", b"[" + b".".join([b"a"] * 3000) + b"]\n", b'"a\\nb" = 1', b"a = 1\na.b = 2",
    b"[preset.mine]\nextends = 'base'\n[preset.base]\nextends = 'mine'\n", b"[preset.mine]\nextends = 'mine'\n",
    b'[preset.mine]\nextends = "\\u001b[2J"\n', b'["\\u001b[2J"]\n',
    b'[preset.mine]\nsummary = "\\u001b[2J\\u009b2J"\n',
    b"x = " + b"9" * 5000, b"x = 1" + b"0" * 300_000, b"[[preset]]\nmine = 1\n", b"[[preset.mine]]\n[[preset.mine]]\n",
    b"\xef\xbb\xbf[preset.mine]\n", b"[preset.mine]\r\nextends = 'cfgrl-goal'\r\n", b"x = " + b"#" * (1 << 20),
)  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES)
def test_registry_tables(profile: str, folder: pathlib.Path) -> None:
    fuzz("registry tables", profile, REGISTRIES, lambda values: shown(folder, toml(values)))


@pytest.mark.parametrize("profile", PROFILES)
def test_training_from_a_registry(profile: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFGRL_CACHE", str(folder / "cache"))
    monkeypatch.setenv("HOME", str(folder / "home"))

    def trained(values: dict[str, Any]) -> None:
        (folder / "fuzzed.toml").write_bytes(toml(values))
        words = ["train", "mine", "--registry", str(folder / "fuzzed.toml"), "--run-dir", str(folder / "run")]
        words += ["dataset.use=ogbench", f"dataset.dir={folder / 'empty'}"]
        answer = watched(words, codes=[2, 3, 4], allowed=[folder / "run"], excused=EXCUSED, seconds=60)
        assert not (folder / "run" / "config.toml").exists(), answer

    os.makedirs(folder / "empty", exist_ok=True)
    fuzz("registry train", profile, REGISTRIES, trained, VALID)
