"""Run directories of nonsense: typed errors, nothing written elsewhere, nothing executed, little time and memory."""

import functools
import json
import pathlib
import shutil
import tomllib
from typing import Any

import pytest
import tomli_w
from fuzzing import PROFILES, fuzz, watched
from hostile_runs import copied, loaded, make_run, train_words
from hypothesis import strategies as st
from nonsense import byte_edits, edited, keys, trees, values

from cfgrl.cli._main import main

CODES = (0, 2, 3, 4, 6, 7)
EXCUSED = ("ctypes.dlopen", "marshal.loads")  # the imports of a first use
WORDS = (
    "weight", "success", "success_ci", "return", "return_ci", "iqm", "tasks", "tasks_ci", "by_seed", "episodes",
    "results", "chosen", "comparisons", "notes", "measure", "dial", "step", "seed", "time", "rule", "task1", "walls",
    "rollouts", "positions", "goal", "schema", "dataset", "files", "sha256", "shapes", "columns", "versions",
    "main/guidance/loss", "during_training", "float32", "message", "exit_code", "preset", "record", "platform",
)  # fmt: skip
NAMES = keys(*WORDS)
LEAVES = values(*WORDS, more=st.none())
RECORDS = ("manifest.json", "metrics.jsonl", "eval.jsonl", "rollouts.json", "error.json")
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("runs")
    run = make_run(folder)
    for command in ("report", "plot"):  # what is imported, or made in a cache, once is so here
        assert main([command, str(copied(run, folder))]) == 0
        watched([command, str(copied(run, folder))], codes=[0], allowed=[folder])
    loaded(copied(run, folder))
    return run


@functools.cache
def records(run: pathlib.Path, name: str) -> Any:
    """The content of a JSON file, or the list of records of one with lines."""
    text = (run / name).read_text()
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


def written(name: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    lines = content if isinstance(content, list) and name.endswith("l") else [content]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@st.composite
def spoilt(draw: st.DrawFn, run: pathlib.Path) -> tuple[str, Any]:
    """One of the records with branches or bytes changed."""
    name = draw(st.sampled_from(RECORDS))
    if draw(st.integers(0, 4)) == 0:
        return name, edited((run / name).read_bytes(), draw(byte_edits()))
    return name, draw(trees(records(run, name), NAMES, LEAVES))


def shown(run: pathlib.Path, commands: tuple[str, ...], example: tuple[str, Any]) -> None:
    name, content = example
    copy = copied(run, run.parent)
    (copy / name).write_bytes(written(name, content))
    for command in commands:
        watched([command, str(copy)], codes=CODES, allowed=[copy], excused=EXCUSED, seconds=60)
    if name == "manifest.json":
        loaded(copy)


KNOWN = [
    ("manifest.json", {"schema": 1, "dataset": {}, "shapes": {"columns": {}}, "versions": {}, "platform": {}}),
    ("manifest.json", {"schema": 1, "dataset": {"files": 5}, "tasks": 5}),
    ("manifest.json", {"schema": True, "x": "\x1b[2J"}),
    ("manifest.json", b'{"schema": 1, "a": ' + b'{"a": ' * 800 + b"1" + b"}" * 801),
    ("metrics.jsonl", b"[" * 100_000 + b"\n"),
    ("metrics.jsonl", [{"step": 1, "seed": [], "main/guidance/loss": 1.0}]),
    ("metrics.jsonl", [{"step": 10**30, "seed": 0}]),
    ("metrics.jsonl", [{"step": 1, "seed": 0, "main/guidance/loss": 10**400}]),
    ("eval.jsonl", b"[1]\n"),
    ("rollouts.json", {"rollouts": [1]}),
    ("rollouts.json", {"walls": [[0, 0, 0, 0]], "rollouts": [
        {"weight": 1, "task": "$x", "success": True, "positions": [[0, 0]]}]}),
    ("error.json", {"message": ["<script>"], "step": {}}),
]  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES)
def test_records(profile: str, run: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfgrl.report._page.has_matplotlib", lambda: False)  # words alone are forty times as quick
    fuzz("run records", profile, spoilt(run), functools.partial(shown, run, ("report",)), *KNOWN)


@pytest.mark.parametrize("profile", PROFILES)
def test_figures(profile: str, run: pathlib.Path) -> None:
    fuzz("run pages", profile, spoilt(run), functools.partial(shown, run, ("report", "plot")), *KNOWN)


def configured(run: pathlib.Path, content: Any) -> None:
    copy = copied(run, run.parent)
    text = content if isinstance(content, bytes) else tomli_w.dumps(content).encode()
    (copy / "config.toml").write_bytes(text)
    loaded(copy)
    watched(["report", str(copy)], codes=CODES, allowed=[copy])
    watched(train_words(copy), codes=CODES, allowed=[copy], excused=EXCUSED, seconds=60)


#: Tables that are none.
CONFIGS = [
    b'preset = "flow-bc"\ntrain = true\n',
    b'preset = "flow-bc"\nseeds = 1\n',
    b"a = 1\n",
    b'preset = "x"\nplugins = 1',
]


@pytest.mark.parametrize("profile", PROFILES)
def test_configuration(profile: str, run: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfgrl.report._page.has_matplotlib", lambda: False)
    content = (run / "config.toml").read_bytes()
    words = ("use", "steps", "hidden", "seeds", "network", "policy", "mlp", "ddpm", "cfg", "none", "plugins", "disable")
    tables = trees(tomllib.loads(content.decode()), keys(*words), values(*words))
    cut = byte_edits().map(lambda edits: edited(content, edits))
    fuzz("run config", profile, st.one_of(tables, cut), functools.partial(configured, run), *CONFIGS)


def resumed(run: pathlib.Path, example: tuple[str, Any]) -> None:
    """The last update is to be done again, from a directory in which a record was exchanged."""
    name, content = example
    copy = copied(run, run.parent)
    shutil.rmtree(copy / "checkpoints" / "2")
    (copy / name).write_bytes(written(name, content))
    watched(train_words(copy), codes=CODES, allowed=[copy], excused=EXCUSED, seconds=60)


@pytest.mark.parametrize("profile", PROFILES)
def test_resume(profile: str, run: pathlib.Path) -> None:
    fuzz("run resume", profile, spoilt(run), functools.partial(resumed, run))


def evaluated(run: pathlib.Path, example: tuple[str, Any]) -> None:
    name, content = example
    copy = copied(run, run.parent)
    (copy / name).write_bytes(written(name, content))
    words = ["eval", str(copy), "--episodes", "1"]
    watched(words, codes=CODES, allowed=[copy, "/dev/shm"], excused=(*EXCUSED, *WORKERS), seconds=60)


#: Evaluation plays in worker processes of its own, shares memory with them, and takes objects from their pipes.
WORKERS = ("subprocess.Popen", "pickle.find_class", "os.posix_spawn", "os.kill")


@pytest.mark.parametrize("profile", PROFILES)
def test_evaluation(profile: str, run: pathlib.Path) -> None:
    fuzz("run eval", profile, spoilt(run), functools.partial(evaluated, run), ("eval.jsonl", b"[1]\n"))
