"""KEY=VALUE of nonsense: exit code 2 (4 where a plugin is to blame), one message, nothing written."""

import pathlib

import pytest
from fuzzing import PROFILES, fuzz, watched
from hypothesis import strategies as st

PRESETS = ("cfgrl-goal", "hierarchical-flow-gcbc", "bandit", "cfgrl-visual", "diffusion-policy")
KEYS = (
    "seeds", "train.steps", "train.log_every", "train.precision", "train.trackers", "train.data_memory",
    "train.residency", "dataset.use", "dataset.name", "dataset.dir", "dataset.url", "dataset.size", "dataset.file",
    "dataset.validation", "view.normalize", "view.frame_stack", "view.augment", "labeler.use", "labeler.heads",
    "labeler.network.hidden", "labeler.goals", "policy.use", "policy.steps", "policy.network", "policy.network.use",
    "policy.network.hidden", "policy.time_grid", "guidance.use", "guidance.weight", "guidance.dropout",
    "guidance.nulls", "guidance.policy.use", "optimizer.clip_norm", "ema.decay", "checkpoint.keep", "eval.weights",
    "eval.tasks", "stage.high.policy.steps", "stage.low.guidance", "stage", "act.execute", "extends", "plugins",
)  # fmt: skip
VALUES = (
    "", "1", "-1", "0", "1e999", "nan", "-inf", "true", "none", "'none'", "[]", "[[]]", "[1,1]", "[-1]", "{}",
    "{use='mlp'}", "{use=1}", "{a={a={a=1}}}", "cfg", "mlp", "residual-mlp", "iql", "ogbench", "npz", "ddpm", "1e6",
    "9223372036854775807", "9223372036854775808", "9" * 5000, "0x" + "f" * 5000, "[" * 3000, "{a=" * 3000, "[1e308]",
    "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "'\\x1b[2J'", "\x1b[2J", '"\\u001b[2J"', "a\nb=1", "# x", "=",
    "../../x", "/etc/passwd", "[0.0, nan]", "['a', 1]", "'''a", "x" * 100_000, "\udcff", "1_000", "+1", "0o17", "½",
)  # fmt: skip
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
PART = st.one_of(st.sampled_from(KEYS), TEXT, st.sampled_from(["", "a" * 3000, "__class__", "é", "\x1b[2J", "a b"]))
KEY = st.one_of(st.sampled_from(KEYS), st.lists(PART, max_size=4).map(".".join))
WORD = st.one_of(
    st.builds("{}={}".format, KEY, st.one_of(st.sampled_from(VALUES), TEXT)),
    st.text(st.characters(exclude_characters="\0"), max_size=30),
).filter(lambda word: not word.startswith("--"))
KNOWN = [
    [f"{key}={value}" for key in ("seeds", "guidance.weight", "policy.network.hidden", "policy")] for value in VALUES
]
CHAINS = [
    [".".join(["a"] * 20_000) + "=1"],
    [f"k{i}=1" for i in range(500)],
    ["policy.network=1", "policy.network.use=mlp"],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("overrides")
    for preset in PRESETS:  # what is imported once is imported here
        watched(["show", preset], codes=[0], excused=("ctypes.dlopen", "marshal.loads"))
    return folder


@pytest.mark.parametrize("profile", PROFILES)
def test_overrides(profile: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    def check(words: list[str]) -> None:
        preset = PRESETS[len(words) % len(PRESETS)]
        watched(["show", preset, *words], codes=[0, 2, 4])
        if len(words) == 3:
            watched(["show", preset, "--json", *words], codes=[0, 2, 4])

    fuzz("overrides", profile, st.lists(WORD, max_size=4), check, *(KNOWN if profile == "long" else ()), *CHAINS)


def test_values_one_by_one(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for value in VALUES:
        keys = ("seeds", "guidance.weight", "policy.network.hidden", "policy.steps", "dataset.name")
        watched(["show", "cfgrl-goal", *(f"{key}={value}" for key in keys)], codes=[0, 2])
