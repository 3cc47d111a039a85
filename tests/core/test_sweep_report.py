"""The report of a sweep: its numbers against arithmetic done here, what it says, what it draws, and what it refuses."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from childruns import cfgrl
from pages import Page
from sweep_fixture import Arm, rich, run_name, write_sweep

from cfgrl import CheckpointError, ConfigError
from cfgrl.report import format_sweep, markdown_sweep, write_sweep_report
from cfgrl.report._sweep._findings import findings
from cfgrl.report._sweep._quality import panels
from cfgrl.report._sweep._read import series, shortened
from cfgrl.sweeps._gather import results as gather

SEEDS, EPISODES, WEIGHTS = (0, 1, 2), 20, (0.0, 1.0, 3.0)
DATA = {"maze-easy-v0": {"noise": 0.2}, "maze-hard-v0": {"noise": 0.8}}
LEVELS = {("plain", None): 0.4, ("dial", 0.0): 0.3, ("dial", 1.0): 0.45, ("dial", 3.0): 0.6}
PNG = b"\x89PNG"


def draw(arm, data, setting):
    """Successes, shape (seeds, episodes): known to the test, read by the report from files."""
    rng = np.random.default_rng([list(DATA).index(data), list(LEVELS).index((arm, setting))])
    return rng.uniform(size=(len(SEEDS), EPISODES)) < LEVELS[arm, setting] - 0.2 * (data == "maze-hard-v0")


def played(arm, data, setting, seed, env_seed):
    return draw(arm, data, setting)[seed, env_seed]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    arms = {"plain": Arm(), "dial": Arm(WEIGHTS)}
    return write_sweep(root, arms, DATA, played, seeds=SEEDS, episodes=EPISODES)


@pytest.fixture(scope="module")
def written(small):
    results, page = write_sweep_report(small)
    return results, page, json.loads((small / "results.json").read_text())


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = rich(tmp_path_factory.mktemp("rich"))
    return folder, *write_sweep_report(folder)


def choose(data):
    """The weight that the episodes of even number choose."""
    return max(WEIGHTS, key=lambda weight: draw("dial", data, weight)[:, ::2].mean())


def test_numbers_are_those_of_the_episodes(written):
    found = written[2]
    for entry in found["arms"]:
        for point in entry["points"]:
            expected = draw(entry["arm"], entry["data"], point["weight"])
            assert point["mean"] == pytest.approx(expected.mean())
            assert point["ci"][0] <= point["mean"] <= point["ci"][1]
            assert list(point["by_seed"].values()) == pytest.approx(expected.mean(1))
    over = {entry["arm"]: entry for entry in found["overall"]}
    for arm in ("plain", "dial"):
        judged = [draw(arm, d, choose(d) if arm == "dial" else None)[:, 1::2].mean() for d in DATA]
        assert over[arm]["mean"] == pytest.approx(np.mean(judged))
        assert over[arm]["ci"][0] <= over[arm]["mean"] <= over[arm]["ci"][1]


def test_the_dial_is_chosen_on_one_half_and_reported_on_the_other(written):
    for entry in written[2]["arms"]:
        if entry["arm"] == "dial":
            weight = choose(entry["data"])
            assert entry["chosen"]["weight"] == weight
            assert entry["chosen"]["mean"] == pytest.approx(draw("dial", entry["data"], weight)[:, 1::2].mean())


def test_differences_are_paired(written):
    (entry,) = written[2]["comparisons"]
    expected = [draw("dial", d, choose(d))[:, 1::2].mean() - draw("plain", d, None)[:, 1::2].mean() for d in DATA]
    assert (entry["arm"], entry["against"]) == ("dial", "plain")
    assert [one["difference"] for one in entry["by_data"]] == pytest.approx(expected)
    assert entry["difference"] == pytest.approx(np.mean(expected))
    dial = {point["weight"]: point for point in written[2]["dial"] if point["arm"] == "dial"}
    gain = np.mean([draw("dial", d, 3.0).mean() - draw("dial", d, 1.0).mean() for d in DATA])
    assert dial[3.0]["from_plain"]["difference"] == pytest.approx(gain)
    assert "from_plain" not in dial[1.0]


def test_the_same_files_give_the_same_results(small, written):
    again, page = write_sweep_report(small)
    assert {**again, "time": None} == {**written[0], "time": None}
    assert page == written[1] == small / "report.html"


def test_what_only_the_judging_half_likes_is_not_chosen(tmp_path):
    likes = {1.0: (0.4, 0.4), 2.0: (0.2, 1.0), 3.0: (0.6, 0.5)}  # on even environment seeds, on odd ones

    def success(arm, data, setting, seed, env_seed):
        return (env_seed // 2) / 5 < likes[setting][env_seed % 2]

    folder = write_sweep(tmp_path, {"dial": Arm(likes)}, {"maze": {}}, success, episodes=10)
    results, _ = write_sweep_report(folder)
    means = {point["weight"]: point["mean"] for point in results["arms"][0]["points"]}
    assert max(means, key=means.__getitem__) == 2.0
    chosen = results["arms"][0]["chosen"]
    assert (chosen["weight"], chosen["mean"]) == (3.0, pytest.approx(0.6))
    assert re.search(r"\| dial \| 0\.60 \[[\d., ]+\] \(w = 3\) \|", markdown_sweep(results))


def read_page(path):
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") for link in page.links)
    assert "@import" not in text and "<script" not in text
    assert not re.search(r"url\((?!#)", text)
    return page


def test_every_figure_is_drawn_and_the_page_needs_nothing_else(full):
    folder, _, place = full
    names = {"arms", "differences", "dial", "quality", "cost-of-w", "promise"}
    assert {path.stem for path in (folder / "figures").iterdir()} == names
    assert all(path.read_bytes().startswith(PNG) for path in (folder / "figures").iterdir())
    assert place.read_text().count("<svg ") == len(names)
    page = read_page(place)
    for words in ("Which arm is better?", "Only 3 trained agents", "tilt promised", "cfgrl sweep handmade"):
        assert words in page.text
    assert f"cfgrl report {folder}" in page.text


def test_only_figures_that_have_data(tmp_path):
    folder = write_sweep(tmp_path, {"plain": Arm()}, {"maze": {}}, lambda *_: True)
    _, place = write_sweep_report(folder)
    assert {path.stem for path in (folder / "figures").iterdir()} == {"arms"}
    page = read_page(place)
    assert "Over the dial" not in page.text and "Paired differences from" not in page.text


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({"returns": True}, {"maze": {}}),
        ({"seeds": (4,), "episodes": 1}, {"maze": {}}),
        ({"density": lambda *_: [{"weight": None, "entropy": -0.001, "entropy_ci": [None, None]}]}, {"maze": {}}),
        ({"density": lambda *_: [{"weight": 1.0, "entropy": None, "tilt": 1.0, "n_folded": 1200}]}, DATA),
    ],
    ids=["returns", "one episode", "no dial and no interval", "hardly any density"],
)
def test_odd_sweeps_are_shown_too(tmp_path, options, data):
    arms = {"plain": Arm(), "dial": Arm((2.0,)), "both": Arm((0.0, 2.0), vary=("policy.steps", (1, 4)))}
    folder = write_sweep(tmp_path, arms, data, lambda *given: -2.5 * given[-1], **options)
    results, place = write_sweep_report(folder)
    read_page(place)
    assert "both" in format_sweep(results)
    assert "| w = 2, steps = 4 |" in markdown_sweep(results)
    assert "−0.00" not in markdown_sweep(results)


def test_words_of_strangers_stay_words(tmp_path):
    hostile = "<b onclick=x>|`evil`|](http://x)</b>"
    arms = {"plain_arm_": Arm(), hostile: Arm((0.0, 1.0))}
    options = {"summary": "<script>alert(1)</script>", "density": lambda *_: [_line()]}
    folder = write_sweep(tmp_path, arms, {"m&m": {}, "<i>|": {}}, lambda *_: True, **options)
    results, place = write_sweep_report(folder)
    page = read_page(place)
    assert hostile in page.text and "<script>alert(1)</script>" in page.text
    text = markdown_sweep(results)
    assert "onclick" in text and not re.search(r"<[bi/]", text) and not re.search(r"[^\\]\]\(", text)
    for table in tables(text):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def _line():
    return {"weight": 1.0, "entropy": 0.5, "entropy_ci": [0.4, 0.6], "tilt": -0.25}


def tables(text):
    """The tables of a text in Markdown, as lists of lines."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return [block for block in blocks if block[0].startswith("| ")]


def test_tables_in_markdown(full):
    _, results, _ = full
    text = markdown_sweep(results)
    heads = [table[0] for table in tables(text)]
    assert heads[0] == "| arm | all data sets | low | middle | high |"
    assert sum(head.startswith("| setting |") for head in heads) == 4
    assert sum(head.startswith("| w | entropy |") for head in heads) == 6
    assert heads[-1] == "| arm | runs | training (core-s) | evaluation (core-s) |"
    assert not re.search(r"[ \[(]-\d", text)  # a true minus everywhere
    cell = re.search(r"\| cfgrl \| (\S+) \[(\S+), (\S+)\] \|", text)
    over = next(entry for entry in results["overall"] if entry["arm"] == "cfgrl")
    assert [float(word) for word in cell.groups()] == pytest.approx([over["mean"], *over["ci"]], abs=0.0051)
    runs = {cost["run"]: cost["train"] + cost["eval"] for cost in results["costs"]}
    assert f"{sum(runs.values()) / 60:,.1f} core-minutes" in text
    assert "agent seeds: 0, 1, 2; episodes: 120 for each setting and data set; command: `cfgrl sweep handmade`" in text


def test_text_for_the_terminal(full):
    text = format_sweep(full[1])
    assert text.startswith("handmade · 8 arms · 3 data sets · 3 agent seeds · mean success")
    assert all(len(line) <= 100 for line in text.splitlines()[3:])
    over = next(entry for entry in full[1]["overall"] if entry["arm"] == "rebrac")
    assert re.search(rf"^rebrac +{over['mean']:.2f} \[", text, re.MULTILINE)
    difference = next(entry for entry in full[1]["comparisons"] if entry["arm"] == "rebrac")
    assert difference["difference"] < 0
    assert re.search(rf"^rebrac +−{-difference['difference']:.2f} \(", text, re.MULTILINE)


def test_only_intervals_decide_what_is_said(written):
    results = json.loads(json.dumps(written[0]))
    (entry,) = results["comparisons"]
    for bounds, words in (
        ([0.02, 0.3], "dial is better than plain"),
        ([-0.3, -0.02], "dial is worse than plain"),
        ([0.0, 0.3], "Whether dial is better than plain is undecided"),
        ([-0.1, 0.0], "Whether dial is better than plain is undecided"),
    ):
        entry["ci"] = bounds
        assert findings(results)[0].startswith(words)
    entry["by_data"] = [{"difference": 0.2, "ci": [0.1, 0.3]}, {"difference": 0.0, "ci": [-0.1, 0.1]}]
    assert findings(results)[0].endswith("by data set: better on easy, undecided on hard.")


def test_a_missing_run_leaves_its_arm_out_and_is_named(tmp_path):
    folder = write_sweep(tmp_path, {"plain": Arm(), "dial": Arm(WEIGHTS)}, DATA, played, seeds=SEEDS, episodes=EPISODES)
    gone = run_name("dial", "maze-hard-v0", {})
    shutil.rmtree(tmp_path / "runs" / gone)
    results, place = write_sweep_report(folder)
    assert results["missing"] == [gone]
    assert {entry["arm"] for entry in results["arms"]} == {"plain"}
    said = f"Not finished is {gone} (dial on maze-hard-v0). Left out of all that is shown: dial."
    assert said in read_page(place).text
    assert said in re.sub(r"\s+", " ", format_sweep(results))
    assert said in markdown_sweep(results)
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(ConfigError, match="No arm of .* has been judged"):
        write_sweep_report(folder)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, ConfigError, "is no folder of a sweep"),
        ("not json", CheckpointError, "cannot be read"),
        ("[]", CheckpointError, "cannot be read"),
        ('{"schema": 99}', CheckpointError, "another cfgrl"),
        ('{"schema": 1}', CheckpointError, "cannot be read"),
        ('{"schema": 1, "runs": [{"name": "../../etc"}]}', CheckpointError, "cannot be read"),
    ],
)
def test_what_is_no_sweep_is_refused(tmp_path, text, error, message):
    if text is not None:
        (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(error, match=message):
        write_sweep_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("name", ["report.html", "results.json", "figures/dial.png"])
def test_nothing_foreign_is_overwritten(tmp_path, small, name):
    shutil.copytree(small.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("figures", "re*.*"))
    folder = tmp_path / "copy" / small.name
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(ConfigError, match="nothing was overwritten"):
        write_sweep_report(folder)
    assert (folder / name).read_text() == "mine"
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"sweep.json", (folder / name).name}


def test_without_matplotlib_the_page_says_how_to_get_figures(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _, place = write_sweep_report(small, tmp_path / "page.html")
    page = read_page(place)
    assert "pip install 'cfgrl[plot]'" in page.text and f"--out {tmp_path / 'page.html'}" in page.text
    assert "<svg" not in place.read_text()


def test_data_of_one_quality_are_not_put_on_its_axis():
    def made(**recipe):
        return {"name": "maze", "use": None, "generate": {"episodes": 10, "seed": 0, "recipe": recipe}}

    data = {
        "a": made(noise=0.2, coverage=1),
        "b": made(noise=0.5, coverage=1),
        "c": made(noise=0.5, coverage=0.3),
        "d": made(coverage=0.1),  # its noise is not stated
        "e": {"name": "maze", "use": None, "generate": None},
    }
    found = panels({"data": data, "arms": [{"data": label} for label in data]})
    assert [(panel.key, panel.labels) for panel in found] == [
        ("noise", {0.2: "a", 0.5: "b"}),
        ("coverage", {0.3: "c", 1: "b"}),
    ]


def test_names_are_shortened_only_as_far_as_they_differ():
    assert list(shortened(["m-a-v0", "m-b-v0"]).values()) == ["a", "b"]
    assert list(shortened(["m-a-v0"]).values()) == ["m-a-v0"]
    assert list(shortened(["m", "m-x"]).values()) == ["m", "m-x"]
    assert list(shortened(["m-a", "m-a-a", "n"]).values()) == ["m-a", "m-a-a", "n"]


def test_what_is_no_number_has_no_axis():
    points = [{"weight": None, "varied": {"kind": word}} for word in ("a", "b")]
    assert series("arm", points) == []
    points = [{"weight": None, "varied": {"x.y": value}} for value in (10, 1)]
    assert series("arm", points)[0].settings == [1, 10]


def test_the_command_writes_page_results_and_figures(small):
    done = cfgrl("report", "handmade", "--json", cwd=small.parent)
    assert (done.returncode, done.stderr) == (0, "")
    names = ["report.html", "results.json", *(f"figures/{n}.png" for n in ("arms", "differences", "dial", "quality"))]
    assert json.loads(done.stdout) == {"written": [f"handmade/{name}" for name in names]}
    assert "<pre>cfgrl report handmade</pre>" in (small / "report.html").read_text()
    done = cfgrl("report", "handmade", "--out", "elsewhere.html", cwd=small.parent)
    assert (done.returncode, done.stdout) == (0, "elsewhere.html\n")
    assert "cfgrl report handmade --out elsewhere.html" in (small.parent / "elsewhere.html").read_text()


def test_the_command_prints_markdown_without_jax(small):
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    code = (
        "import sys; from cfgrl.cli._main import main; code = main(['report', 'handmade', '--markdown']); "
        "assert not {'jax', 'matplotlib.pyplot'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=small.parent, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    shown = markdown_sweep(gather(small))
    assert done.stdout == shown + "\n"
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("report", "handmade", "runs"), 2, "name it alone"),
        (("report", "runs", "--markdown"), 2, "has no sweep.json"),
        (("report", "handmade", "--markdown", "--out", "x.html"), 2, "writes no page"),
        (("report", "broken"), 6, "cannot be read"),
    ],
)
def test_errors_are_one_sentence(small, arguments, code, message):
    (small.parent / "broken").mkdir(exist_ok=True)
    (small.parent / "broken" / "sweep.json").write_text("{")
    done = cfgrl(*arguments, cwd=small.parent)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
