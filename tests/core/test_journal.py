"""JSON lines that survive what cuts them short."""

import multiprocessing
import pathlib

import pytest

from cfgrl import CheckpointError
from cfgrl.records import _journal


def test_a_line_cut_short_is_dropped_and_spoils_no_other(tmp_path: pathlib.Path):
    path = tmp_path / "eval.jsonl"
    _journal.append(path, [{"step": 1}, {"step": 2}])
    with path.open("a") as file:
        file.write('{"step": 3, "resu')
    assert _journal.read(path) == [{"step": 1}, {"step": 2}]
    _journal.append(path, [{"step": 4}])
    assert _journal.read(path) == [{"step": 1}, {"step": 2}, {"step": 4}]
    _journal.keep(path, lambda record: record["step"] != 2)
    assert _journal.read(path) == [{"step": 1}, {"step": 4}]
    assert [p.name for p in tmp_path.iterdir()] == ["eval.jsonl"]


def test_a_spoilt_line_is_named_and_nothing_is_thrown_away(tmp_path: pathlib.Path):
    path = tmp_path / "eval.jsonl"
    path.write_text('{"step": 1}\nnonsense\n{"step": 2}\n')
    with pytest.raises(CheckpointError, match="line 2"):
        _journal.keep(path, lambda record: False)
    assert path.read_text().count("\n") == 3


def many(path: pathlib.Path, number: int) -> None:
    """Append, and now and then replace the file."""
    for i in range(50):
        _journal.append(path, [{"step": number, "i": i}, {"step": -1}])
        if i % 5 == 0:
            _journal.keep(path, lambda record: record["step"] >= 0)


def test_processes_that_write_at_once_lose_no_line(tmp_path: pathlib.Path):
    path, context = tmp_path / "eval.jsonl", multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.starmap(many, [(path, number) for number in range(4)])
    records = [record for record in _journal.read(path) if record["step"] >= 0]
    assert sorted((r["step"], r["i"]) for r in records) == [(n, i) for n in range(4) for i in range(50)]
