"""Benchmarks run, count rightly, and the page of speeds says what was measured. No test depends on a speed."""

import json
import pathlib
import runpy
import sys
from typing import Any

import _products
import _reference
import _results
import _timing
import _walks
import jax
import numpy as np
import page
import pytest
import training

import cfgrl

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
MAKEFILE = (FOLDER.parent / "Makefile").read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_is_answered(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("name", PROGRAMS)
def test_make_bench_runs_it(name: str) -> None:
    recipe = MAKEFILE.split("\nbench:")[1].split("\n\n")[0]
    assert name in recipe.replace(".py", " ").replace("/", " ").replace(";", " ").split()


def test_the_page_has_the_figures_that_were_saved() -> None:
    text = page.PAGE.read_text()
    assert text == page.rewritten(text), "run python benchmarks/page.py"
    saved = {path.stem.removesuffix("-gpu") for path in page.FOLDER.glob("*.json")}
    assert saved <= set(page.names(text))


def test_a_table_of_the_page(tmp_path: pathlib.Path) -> None:
    machine = {"processor": "P", "cores": 2, "devices": ["cpu: cpu"], "system": "S"}
    record: dict[str, Any] = {"command": "python x.py", "date": "D", "machine": machine, "versions": {"jax": "1"}}
    record["load"] = {"before": 0.1, "after": 2.0}
    record["records"] = [
        {"table": "t", "row": "a", "name": "time", "value": 1234.5, "unit": "s", "target": ["at most", 2000]},
        {"table": "t", "row": "b", "name": "share", "value": 0.12345, "unit": "", "target": ["at least", 0.5]},
    ]
    (tmp_path / "one.json").write_text(json.dumps(record))
    text = page.rewritten("<!-- speed: one -->\nold\n<!-- end -->\n<!-- speed: two --><!-- end -->", tmp_path)
    lines = text.splitlines()
    assert lines[2:6] == ["| t | time (s) | share |", "| --- | --- | --- |", "| a | 1,234 | – |", "| b | – | 0.123 |"]
    assert "| t, a: time | at most 2,000 s | 1,234 s | yes |" in lines
    assert "| t, b: share | at least 0.5 | 0.123 | no |" in lines
    assert "`python x.py` on D: P, 2 cores, cpu: cpu, S; load 0.1 before and 2.0 after; jax 1." in lines
    assert text.endswith("<!-- speed: two -->\n\nNot taken.\n\n<!-- end -->")
    assert page.rewritten(text, tmp_path) == text


def test_operations_of_cfgrl_goal() -> None:
    data = _walks.data(_walks.LENGTH)
    agent = training.build("cfgrl-goal", training.SIZES["4x512"])
    state = jax.eval_shape(lambda key: cfgrl.init(agent, data, key=key), jax.random.key(0))
    # Observation 2, goal 2, action 2 and t.
    inner, first, last = 3 * 512 * 512, 7 * 512, 512 * 2
    forwards = first + inner + last
    assert _products.flops(_products.passes(agent, state)) == 2 * 1024 * (2 * forwards + inner + last)


def test_operations_of_cfgrl_offline() -> None:
    data = _walks.data(_walks.LENGTH)
    agent = training.build("cfgrl-offline", training.Size((8, 4), 16, 1))
    state = jax.eval_shape(lambda key: cfgrl.init(agent, data, key=key), jax.random.key(0))
    # The policy reads the observation, an embedding of 32, the action and t; Q observation and action; V observation.
    policy, q, v = (37 * 8, 8 * 4, 4 * 2), (4 * 8, 8 * 4, 4), (2 * 8, 8 * 4, 4)
    learnt = sum(3 * sum(net) - net[0] for net in (policy, q, q, v))
    read = 2 * sum(q) + sum(v) + 2 * sum(q) + sum(v)
    assert _products.flops(_products.passes(agent, state)) == 2 * 16 * (learnt + read)


@pytest.mark.parametrize("plain", [False, True])
def test_the_products_are_those_that_are_counted(plain: bool) -> None:
    learnt, read = _products.Pass(((3, 2), (1, 3)), 5, True), _products.Pass(((4, 2),), 5, False, 2)
    count, found = _products.products([learnt, read], 7, plain=plain)()
    assert int(count) == 7
    assert [p.shape for p in found] == [(5, 3), (3, 2), (5, 1), (1, 3), (5, 3), (5, 4), (5, 4)]
    assert all(np.any(np.asarray(p)) for p in found)


def test_products_agree_however_they_lie() -> None:
    passes = [_products.Pass(((3, 2), (1, 3)), 5, True)]
    written, plain = (_products.products(passes, 2, plain=plain)()[1] for plain in (False, True))
    for a, b in zip(written, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_calls_are_timed_in_turn() -> None:
    called: list[str] = []
    calls = {name: (lambda name=name: called.append(name)) for name in "abc"}
    _timing.interleaved(calls, 2)
    assert "".join(called) == "abc" * 3
    called.clear()
    times = _timing.interleaved(calls, 2, repeats={"b": 2, "c": 2})
    assert "".join(called) == "abc" + "abcbc" * 2
    assert [len(times[name].seconds) for name in "abc"] == [2, 4, 4]


def test_median_least_and_low() -> None:
    times = _timing.Times((5.0, 1.0, 2.0, 4.0, 3.0))
    assert (times.median, times.least) == (3.0, 1.0)
    assert times.low == pytest.approx(1.4)


def test_figures_of_a_quick_run_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x.py", "--quick", "--save"])
    with pytest.raises(SystemExit) as ended:
        _results.main("x", "", lambda results, words: None)
    assert ended.value.code == 2


def test_the_plain_loop_samples_goals_of_the_same_episode_and_learns() -> None:
    data = _walks.data(3 * _walks.LENGTH)
    loop = _reference.PlainLoop(data, (32, 32), 64, 20)
    columns = loop._columns
    columns["goals"] = np.repeat(np.arange(len(data.last)), 2).reshape(-1, 2).astype(np.float32)
    columns["observations"] = columns["goals"]
    batch = loop.sample()
    rows, goals = (batch[name][:, 0].astype(int) for name in ("observation", "goal"))
    assert np.all(goals > rows)
    assert np.all(goals <= data.last[rows])
    loop = _reference.PlainLoop(data, (32, 32), 64, 20)
    before = loop._parameters["layers"][0][0]
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        after = loop()["layers"][0][0]
    assert after.shape == before.shape == (32, 7)
    assert np.all(np.isfinite(after))
    assert np.any(after != before)
