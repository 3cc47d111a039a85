"""`cfgrl report` and `cfgrl plot` as a user runs them."""

import json
import subprocess
import sys

import pytest
from childruns import cfgrl
from run_fixture import make_metrics, write_demo, write_run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_demo(folder / "demo")
    write_run(folder / "other run", metrics=make_metrics(seeds=(0,)))
    return folder


def test_report_of_one_run_and_the_command_that_makes_it_again(place):
    done = cfgrl("report", "demo", cwd=place)
    assert (done.returncode, done.stdout, done.stderr) == (0, "demo/report.html\n", "")
    page = (place / "demo" / "report.html").read_bytes()
    assert b"<pre>cfgrl report demo</pre>" in page
    again = cfgrl("report", "demo", "--json", cwd=place)
    assert json.loads(again.stdout) == {"written": ["demo/report.html"]}
    assert (place / "demo" / "report.html").read_bytes() == page


def test_report_of_several_runs(place):
    refused = cfgrl("report", "demo", "other run", cwd=place)
    assert refused.returncode == 2 and "--out FILE.html" in refused.stderr
    done = cfgrl("report", "demo", "other run", "--out", "both.html", cwd=place)
    assert done.returncode == 0, done.stderr
    page = (place / "both.html").read_text()
    assert "cfgrl report demo &#39;other run&#39; --out both.html" in page


def test_plot(place):
    done = cfgrl("plot", "demo", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)["written"]
    assert "demo/figures/success-against-w.png" in written
    assert all((place / path).read_bytes().startswith(b"\x89PNG") for path in written)
    done = cfgrl("plot", "demo", "other run", "--out", "pictures", cwd=place)
    assert done.returncode == 0, done.stderr
    assert all((place / path).is_file() for path in done.stdout.splitlines())
    assert cfgrl("plot", "demo", "other run", cwd=place).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("report", "nowhere"), 2, "no run directory nowhere"),
        (("plot", "."), 2, "not a run directory"),
        (("report", "demo", "--out", "notes.txt"), 2, "nothing was overwritten"),
        (("report", "broken"), 6, "eval.jsonl, line 1"),
    ],
)
def test_errors_are_one_message_without_traceback(arguments, code, message, place):
    (place / "notes.txt").write_text("mine")
    if not (place / "broken").exists():
        (write_demo(place / "broken") / "eval.jsonl").write_text("not json\n")
    done = cfgrl(*arguments, cwd=place)
    assert done.returncode == code and message in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert (place / "notes.txt").read_text() == "mine"


def test_report_does_not_import_jax(place):
    code = (
        "import sys; from cfgrl.cli._main import main; main(['report', 'demo']); "
        "sys.exit(any(name in sys.modules for name in ('jax', 'matplotlib.pyplot')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
