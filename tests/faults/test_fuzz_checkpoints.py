"""Checkpoints of nonsense, with a right seal too; links and pipes in the place of files; runs resumed and evaluated."""

import functools
import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from fuzzing import PROFILES, fuzz, watched
from hostile_runs import believed, copied, loaded, make_run, replaced, resealed, train_words
from hypothesis import strategies as st
from nonsense import byte_edits, edited, keys, trees, values

from cfgrl.cli._main import main

CODES = (0, 2, 3, 4, 6, 7)
EXCUSED = ("ctypes.dlopen", "marshal.loads")  # the imports of a first use
WORDS = ("schema", "step", "leaves", "files", "notes", "seal", "sha256", "shape", "dtype", "key", "float32", "uint32")
ODD_LEAVES = ("../../x", "/etc/passwd", "", ".", "..", "a/b", "\x1b[2J", "a" * 5000, "key/../key", "\ud800")
RECORD = trees({"none": 1}, keys(*WORDS, *ODD_LEAVES), values(*WORDS, *ODD_LEAVES, more=st.none()))
FILES = ("digests.json", "state/_METADATA", "state/_CHECKPOINT_METADATA", "state/key/.zarray", "state/key/0.0")
#: What is put in the place of a file; the second half in the long form only.
KINDS = (
    "link", "pipe", "empty", "gone",
    *(pytest.param(kind, marks=pytest.mark.soak) for kind in ("dangling", "device", "folder", "up")),
)  # fmt: skip
TOP = (
    "config.toml", "manifest.json", "metrics.jsonl", "eval.jsonl", "rollouts.json", "error.json", ".lock",
    "checkpoints", "figures", "report.html",
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    run = make_run(folder)
    loaded(copied(run, folder))  # what is imported, or made in a cache, once is so here
    assert main(["report", str(copied(run, folder))]) == 0
    (folder / "secret").write_text("a secret\n")
    return run


def newest(run: pathlib.Path) -> pathlib.Path:
    return run / "checkpoints" / "2"


def restored(copy: pathlib.Path) -> None:
    """Both ways to read a checkpoint: strictly, and with what lies before it to fall back to."""
    loaded(copy, strict=True)
    loaded(copy)


def sealed(run: pathlib.Path, record: Any) -> None:
    copy = copied(run, run.parent)
    resealed(newest(copy), lambda _: record)
    restored(copy)


def file_edited(run: pathlib.Path, example: tuple[str, Any, bool]) -> None:
    name, edits, seal_again = example
    copy = copied(run, run.parent)
    file = newest(copy) / name
    file.write_bytes(edited(file.read_bytes(), edits))
    if seal_again and name != "digests.json":
        believed(newest(copy))
    restored(copy)


@pytest.mark.parametrize("profile", PROFILES)
def test_sealed_records(profile: str, run: pathlib.Path) -> None:
    record = json.loads((newest(run) / "digests.json").read_text())
    record.pop("seal")
    names = keys(*WORDS, *ODD_LEAVES)
    strategy = trees(record, names, values(*WORDS, more=st.none()))
    fuzz("run checkpoints", profile, strategy, functools.partial(sealed, run))


@pytest.mark.parametrize("profile", PROFILES)
def test_edited_files(profile: str, run: pathlib.Path) -> None:
    example = st.tuples(st.sampled_from(FILES), byte_edits(3), st.booleans())
    fuzz("run checkpoints", profile, example, functools.partial(file_edited, run))


def zarray(**changes: Any) -> Callable[[pathlib.Path], None]:
    def change(step: pathlib.Path) -> None:
        file = step / "state" / "key" / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
        believed(step)

    return change


def leaf(name: str, **changes: Any) -> Callable[[pathlib.Path], None]:
    def change(step: pathlib.Path) -> None:
        def record(content: dict[str, Any]) -> None:
            content["leaves"][name] = content["leaves"].get(name, content["leaves"]["key"]) | changes

        resealed(step, record)

    return change


def huge(step: pathlib.Path) -> None:
    zarray(shape=[10**12], chunks=[10**12])(step)
    leaf("key", shape=[10**12])(step)


def named(name: str) -> Callable[[pathlib.Path], None]:
    def change(step: pathlib.Path) -> None:
        shutil.copytree(step / "state" / "key", step / "state" / name)
        believed(step)
        leaf(name)(step)

    return change


def stray(name: str) -> Callable[[pathlib.Path], None]:
    return lambda step: (step / name).write_text("x") and None


CASES: dict[str, Callable[[pathlib.Path], None]] = {
    "a leaf of 10^12": huge,
    "an unread leaf of 10^12": leaf("more", shape=[10**12]),
    "a shape of 10^12 in .zarray": zarray(shape=[10**12]),
    "chunks of 10^12 in .zarray": zarray(chunks=[10**12, 10**12]),
    "a filter": zarray(filters=[{"id": "nothing"}]),
    "a compressor": zarray(compressor={"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 2**31}),
    "a type of objects": zarray(dtype="|O"),
    "another shape": leaf("key", shape=[1, 3]),
    "a negative shape": leaf("key", shape=[-1, -2]),
    "a shape of words": leaf("key", shape=["a"]),
    "no shape": leaf("key", shape=None),
    "a leaf outside": leaf("../../../../secret"),
    "a leaf at the root": leaf("/etc/passwd"),
    "a leaf with an escape sequence": leaf("\x1b[2J"),
    "a leaf more": named("more"),
    "a stray file with an escape sequence": stray("\x1b[2J"),
    "a stray file whose name is no UTF-8": stray(os.fsdecode(b"\xff\xfe")),
    "a link": lambda step: (step / "state" / "key" / "x").symlink_to("/etc/passwd"),
    "a circle of links": lambda step: (step / "state" / "key" / "x").symlink_to(".."),
    "a pipe": lambda step: os.mkfifo(step / "state" / "key" / "x"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_that_lies_is_refused(case: str, run: pathlib.Path) -> None:
    copy = copied(run, run.parent)
    CASES[case](newest(copy))
    loaded(copy, strict=True, codes=[6])
    loaded(copy, codes=[0])  # the checkpoint before it is whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [f"checkpoints/2/{name}" for name in FILES])
def test_what_is_no_file_in_a_checkpoint(name: str, kind: str, run: pathlib.Path) -> None:
    copy = copied(run, run.parent)
    replaced(copy / name, kind, run.parent / "secret")
    restored(copy)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TOP)
def test_what_is_no_file_in_a_run(name: str, kind: str, run: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfgrl.report._page.has_matplotlib", lambda: False)
    copy, secret = copied(run, run.parent), run.parent / "secret"
    replaced(copy / name, kind, secret)
    watched(["report", str(copy)], codes=CODES, allowed=[copy])
    loaded(copy)
    watched(train_words(copy), codes=CODES, allowed=[copy], excused=EXCUSED, seconds=60)
    assert secret.read_text() == "a secret\n"
