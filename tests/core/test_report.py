"""The report: what is read, what is said, what is drawn, and that the page needs nothing but itself."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from pages import Page
from run_fixture import TASKS, make_evaluation, make_metrics, make_outcomes, make_rollouts, write_demo, write_run

from cfgrl import CheckpointError, ConfigError
from cfgrl.evaluation._summary import summarise
from cfgrl.report import format_results, load_run, load_runs, write_figures, write_page, write_report
from cfgrl.report._findings import findings
from cfgrl.report._format import signed_between
from cfgrl.report._style import spread

SOME = make_rollouts(tasks=TASKS[:1])
KINDS = {
    "demo": {"metrics": make_metrics(), "evaluations": [make_evaluation()], "rollouts": SOME},
    "no-dial": {
        "evaluations": [make_evaluation(weights=(None,))],
        "rollouts": make_rollouts(weights=(None,), tasks=TASKS[:2]),
    },
    "one-seed-one-task": {"evaluations": [make_evaluation(seeds=(3,), tasks=("only",), episodes=1)]},
    "returns": {
        "evaluations": [make_evaluation(returns=True, failed=2)],
        "rollouts": make_rollouts(walls=False, tasks=TASKS[:1]),
    },
    "failed": {"evaluations": [make_evaluation(failed=5)]},
    "one-weight": {"evaluations": [make_evaluation(weights=(2.0,))]},
    "while-training": {
        "metrics": make_metrics(stages=("high", "low")),
        "evaluations": [make_evaluation(step=step, during_training=True, episodes=2) for step in (1000, 2000)],
    },
    "one-line": {"metrics": make_metrics(steps=100, seeds=(0,))},
    "new": {},
    "stopped": {"error": {"exit_code": 5, "message": "a loss is <not> a number", "step": 100}},
}


def read_page(path):
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    return page


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_has_a_sound_page(kind, tmp_path):
    """No resource from elsewhere, unique identifiers, closed elements, strict figures."""
    run = write_run(tmp_path / kind, **KINDS[kind])
    path = write_report([run])
    assert path == run / "report.html"
    source = path.read_text(encoding="utf-8")
    page = read_page(path)
    assert "default-src 'none'" in source and "@import" not in source and "url(http" not in source
    assert "NaN" not in page.text and "None" not in page.text
    assert f"cfgrl report {run}" in page.text
    for drawing in re.findall(r"<svg.*?</svg>", source, re.DOTALL):
        ElementTree.fromstring(drawing.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))


def test_the_page_says_what_the_record_says(tmp_path):
    run = write_demo(tmp_path / "demo")
    record = json.loads((run / "eval.jsonl").read_text())
    page = read_page(write_report([run]))
    spaced = page.text.replace("\N{NO-BREAK SPACE}", " ")
    for sentence in [*findings(record), *record["notes"]]:
        assert sentence in spaced
    for result in record["results"]:
        assert f"{result['success']:.2f}" in spaced
    assert "8f3b" * 16 in spaced and "cfgrl demo --run-dir 'runs/my demo'" in spaced
    assert "task5" in spaced and "4,000 of 4,000 updates" in spaced
    # a figure each for success, differences, tasks, losses, and one for each rollout
    assert path_count(run) == 4 + 6 * 2


def test_the_ends_of_the_dial_are_what_the_guidance_says():
    record = make_evaluation()
    assert "at w = 0 (unconditional) and" in findings(record)[0]
    assert "at w = 1 (conditional, no extra push)." in findings(record)[0]
    record["dial"] = ["the weak policy", "the strong policy"]
    assert "at w = 0 (the weak policy) and" in findings(record)[0]
    del record["dial"]
    assert "(" not in findings(record)[0].replace("[", "")


def path_count(run):
    return (run / "report.html").read_text().count("<svg ")


def test_several_runs_on_one_page(tmp_path):
    runs = [write_run(tmp_path / "a" / "run", **KINDS["demo"]), write_run(tmp_path / "b" / "run", **KINDS["no-dial"])]
    runs.append(write_run(tmp_path / "young"))
    with pytest.raises(ConfigError, match="named twice"):
        load_runs([runs[0], tmp_path / "b" / ".." / "a" / "run"])
    page = read_page(write_report(runs, tmp_path / "all.html"))
    assert "a/run" in page.text and "b/run" in page.text
    assert "no test between them" in page.text
    assert "young has not been evaluated yet: cfgrl eval" in page.text
    assert f"--out {tmp_path / 'all.html'}" in page.text
    names = [path.name for path in write_figures(load_runs(runs), tmp_path / "figures")]
    assert len(names) == len(set(names)) and sum(name.startswith("rollouts-") for name in names) == 2


def test_text_of_others_cannot_become_markup(tmp_path):
    hostile = "<script>alert(1)</script>"
    evaluation = make_evaluation(tasks=(hostile, "task2"))
    rollouts = make_rollouts(tasks=(hostile,), weights=(1.0,))
    run = write_run(tmp_path / "<b>run", evaluations=[evaluation], rollouts=rollouts, preset=hostile)
    source = write_report([run]).read_text()
    assert "<script" not in source and "<b>run" not in source
    assert hostile in read_page(run / "report.html").text


def test_figures_are_png_files_and_only_our_own_are_replaced(tmp_path):
    run = load_run(write_run(tmp_path / "demo", **KINDS["demo"]))
    paths = write_figures([run], tmp_path / "figures")
    assert [path.stem for path in paths] == [
        "success-against-w",
        "success-differences",
        "success-by-task",
        "learning-curves",
        "rollouts",
    ]
    first = [path.read_bytes() for path in paths]
    assert all(content.startswith(b"\x89PNG") for content in first)
    paths[0].write_bytes(first[1])
    assert [path.read_bytes() for path in write_figures([run], tmp_path / "figures")] == first
    paths[-1].write_bytes(b"a drawing of mine")
    paths[0].unlink()
    with pytest.raises(ConfigError, match="rollouts.png exists and was not made by cfgrl"):
        write_figures([run], tmp_path / "figures")
    assert paths[-1].read_bytes() == b"a drawing of mine" and not paths[0].exists()


def test_a_page_is_rewritten_and_a_foreign_file_is_not(tmp_path):
    run = load_run(write_run(tmp_path / "run"))
    assert write_page([run]).read_bytes() == write_page([run]).read_bytes()
    mine = tmp_path / "mine.html"
    mine.write_text("<p>my own page</p>")
    with pytest.raises(ConfigError, match="not made by cfgrl; nothing was overwritten"):
        write_page([run], mine)
    assert mine.read_text() == "<p>my own page</p>"
    with pytest.raises(ConfigError, match="is a directory"):
        write_page([run], tmp_path)
    with pytest.raises(ConfigError, match="cannot be written"):
        write_page([run], mine / "below-a-file.html")


def test_without_matplotlib_the_page_has_tables_and_a_sentence(tmp_path, monkeypatch):
    run = load_run(write_demo(tmp_path / "demo"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'cfgrl[plot]'")):
        write_figures([run], tmp_path)
    page = read_page(write_page([run]))
    assert path_count(run.path) == 0
    assert "matplotlib is not installed" in page.text and "paired difference" in page.text


def test_a_drawing_leaves_no_state_behind(tmp_path):
    import matplotlib

    run = load_run(write_run(tmp_path / "demo", **KINDS["demo"]))
    before = dict(matplotlib.rcParams)
    loaded = "matplotlib.pyplot" in sys.modules
    write_figures([run], tmp_path / "figures")
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == loaded


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("manifest.json", "{", CheckpointError, "manifest.json cannot be read"),
        ("manifest.json", "[]", CheckpointError, "no JSON object"),
        ("manifest.json", '{"schema": 99}', CheckpointError, "newer cfgrl"),
        ("manifest.json", "{}", CheckpointError, "no schema number"),
        ("config.toml", "a = ", CheckpointError, "config.toml cannot be read"),
        ("config.toml", None, ConfigError, "not a run directory: it has no config.toml"),
        ("metrics.jsonl", '{"step": 1, "seed": 0}\n{"step": 2}\n', CheckpointError, "metrics.jsonl, line 2.*'seed'"),
        ("metrics.jsonl", '{"step": NaN, "seed": 0}\n', CheckpointError, "line 1 cannot be read: NaN is not JSON"),
        ("eval.jsonl", '{"results": []}\n', CheckpointError, "eval.jsonl, line 1.*not a list of results"),
        ("eval.jsonl", '{"results": [{"success": 1}]}\n', CheckpointError, "a result has no 'success_ci'"),
        ("eval.jsonl", '{"results": [{}], "measure": "x"}\n', CheckpointError, "'measure' is 'x'"),
        ("rollouts.json", "{}", CheckpointError, "must be lists"),
        ("rollouts.json", '{"rollouts": [{"weight": 1}]}', CheckpointError, "rollout 1 has no 'task'"),
    ],
)
def test_what_cannot_be_read_is_named(name, content, error, message, tmp_path):
    run = write_demo(tmp_path / "demo")
    (run / name).unlink()
    if content is not None:
        (run / name).write_text(content)
    with pytest.raises(error, match=message):
        load_run(run)


def test_no_run_at_all(tmp_path):
    with pytest.raises(ConfigError, match="There is no run directory .*nowhere"):
        load_run(tmp_path / "nowhere")


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    run = write_demo(tmp_path / "demo")
    whole = len(load_run(run).metrics)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4100, "se')
    assert len(load_run(run).metrics) == whole


def test_the_last_evaluation_asked_for_is_shown(tmp_path):
    records = [make_evaluation(step=10), make_evaluation(step=20), make_evaluation(step=30, during_training=True)]
    run = load_run(write_run(tmp_path / "run", evaluations=records))
    assert run.evaluation is not None and run.evaluation["step"] == 20


def claim(**intervals):
    """Findings of a record whose differences have these intervals; `w2=(0.1, 0.2)` is w = 2 against w = 1."""
    record = summarise(make_outcomes(weights=(0.0, 1.0, 2.0, 3.0), episodes=2))
    for row in record["comparisons"]:
        row["ci"] = list(intervals[f"w{row['weight']:g}"])
        row["difference"] = sum(row["ci"]) / 2
    return " ".join(findings(record))


def test_claims_follow_the_intervals():
    said = claim(w1=(0.2, 0.5), w2=(0.05, 0.1), w3=(-0.3, -0.1))
    assert "w = 1 is better than w = 0 (+0.35, 95 % interval +0.20 to +0.50)" in said
    assert "Pushing further helps: w = 2" in said and "Pushing further hurts: w = 3" in said
    said = claim(w1=(-0.1, 0.2), w2=(0.0, 0.1), w3=(-0.2, 0.1))
    assert "Whether w = 1 is better than w = 0 is undecided" in said
    assert "Nothing can be said for or against w > 1" in said and "helps" not in said and "hurts" not in said
    assert "would be an oracle" in said and "Only 2 trained agents" in said


def test_a_decided_interval_never_reads_as_zero():
    assert signed_between([0.004, 0.08]) == "+0.004 to +0.080"
    assert signed_between([-0.08, -0.002]) == "−0.080 to −0.002"
    assert signed_between([-0.001, 0.08]) == "0.00 to +0.08"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].get("evaluations")])
def test_terminal_table(kind):
    record = KINDS[kind]["evaluations"][-1]
    text = format_results(record)
    assert max(map(len, text.splitlines())) <= 100
    measure = record["measure"]
    assert measure in text and "95 % interval" in text
    table = text.split("\n\n")[1].splitlines()[2:]
    assert len(table) == len(record["results"])
    for line, result in zip(table, record["results"], strict=True):
        assert line.split()[0] == ("–" if result["weight"] is None else f"{result['weight']:g}")
    assert ("failed" in text) == any(result["n_failed"] for result in record["results"])


def test_labels_move_apart_and_keep_their_order():
    assert spread([0.0, 1.0, 2.0], 0.5) == [0.0, 1.0, 2.0]
    moved = spread([0.5, 0.5, 0.52, 3.0], 0.2)
    assert moved[3] == 3.0
    assert sorted(moved[:3]) == moved[:3]
    assert all(b - a == pytest.approx(0.2) for a, b in zip(moved[:2], moved[1:3], strict=True))
    assert sum(moved[:3]) == pytest.approx(1.52)
