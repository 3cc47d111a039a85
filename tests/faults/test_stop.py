"""Runs that are asked to stop by a signal, whatever they are doing, and what the same command does afterwards."""

import json
import os
import pathlib
import shutil
import signal
import threading
import time
from collections.abc import Callable

import pytest
from childruns import begin, cfgrl, in_child, remains, train_words, wait_until, writing

STEPS = 1500
#: Some seconds of updates between two log points: a stop has to come between them.
KEYS = (
    "train.log_every=1500", "train.batch_size=64", "policy.network.hidden=[64,64]", "seeds=[0,1]",
    "train.eval_every=1500", "eval.weights=[1]", "eval.tasks=[1]",
)  # fmt: skip
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
COMPILING, COMPILED = "Compiling jit(_chunk)", "Finished XLA compilation of jit(_chunk)"


@pytest.fixture(scope="module")
def undisturbed(data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("run") / "undisturbed"
    done = in_child(*words(data, run))
    assert done.returncode == 0, done.stderr
    return run


def words(data: pathlib.Path, run: pathlib.Path, *more: str) -> list[str]:
    return train_words(data, run, STEPS, *KEYS, *more)


class Child:
    """A training process, and what it has said so far."""

    def __init__(self, command: list[str], **environment: str):
        self.process = begin(*command, env={**os.environ, "JAX_LOG_COMPILES": "1", **environment})
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.said += line

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def wait_until(self, condition: Callable[[], object]) -> None:
        assert wait_until(lambda: bool(condition()), self.process), self.said

    def stop(self, number: signal.Signals) -> int:
        """Send the signal and wait; the exit code. How long it took is printed."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=120)
        self._reader.join()  # it may still have something to say
        print(f"{number.name}: exit code {code} after {time.monotonic() - began:.1f} s")
        return code

    def listens(self) -> bool:
        """Whether SIGTERM no longer ends it."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    def workers(self) -> str:
        """The process ids of its children."""
        return pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()


def stop_while(what: str, command: list[str], run: pathlib.Path, number: signal.Signals) -> int:
    """Start the command, send it the signal while it does `what`, and return the step at which it stopped."""
    with Child(command, **({"JAX_ENABLE_COMPILATION_CACHE": "0"} if what == "compiling" else {})) as child:
        if what == "starting":
            child.wait_until(child.listens)
        elif what == "compiling":
            child.wait_until(lambda: COMPILING in child.said)
        elif what == "updating":
            child.wait_until(lambda: COMPILED in child.said)  # its first calls are short ones on any machine
        elif what == "saving":
            child.wait_until(lambda: writing(run))
        else:
            child.wait_until(child.workers)
        assert child.stop(number) == 75, child.said
    assert f"{number.name}: about to save and stop" in child.said and "the same command resumes" in child.said
    record = json.loads((run / "error.json").read_text())
    assert record["exit_code"] == 75 and record["step"] == int(remains(run)["step"])
    assert not writing(run)
    return record["step"]


def stop_everywhere(command: list[str], run: pathlib.Path, numbers: tuple[signal.Signals, ...], done: int = 0) -> None:
    """Stop it while it compiles, updates, saves and evaluates, of which `done` were done before; then let it end."""
    doing = ("compiling", "updating", "saving", "evaluating")
    stopped = {what: stop_while(what, command, run, n) for what, n in zip(doing[done:], numbers[done:], strict=True)}
    # What was compiled first makes one update, so that what waits for the compilation waits for little else.
    assert stopped.get("compiling", 1) == 1 < stopped.get("updating", 2) < STEPS
    assert stopped["saving"] == stopped["evaluating"] == STEPS
    finished = in_child(*command)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="module")
def halfway(data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A run that was stopped while it started, while it compiled, and between two log points."""
    run = tmp_path_factory.mktemp("run") / "halfway"
    assert stop_while("starting", words(data, run), run, signal.SIGTERM) == 0
    assert stop_while("compiling", words(data, run), run, signal.SIGINT) == 1
    assert 1 < stop_while("updating", words(data, run), run, signal.SIGTERM) < STEPS
    return run


@pytest.fixture(scope="module")
def stopped(data: pathlib.Path, halfway: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """That run, stopped while it saved and while it evaluated, and finished."""
    run = tmp_path_factory.mktemp("run") / "stopped"
    shutil.copytree(halfway, run)
    stop_everywhere(words(data, run), run, (*SIGNALS, signal.SIGTERM), done=2)
    return run


def test_a_stop_is_answered_whatever_is_done_and_changes_nothing(stopped: pathlib.Path, undisturbed: pathlib.Path):
    assert remains(stopped) == remains(undisturbed)
    assert [record["step"] for record in remains(stopped)["evaluations"]] == [STEPS]
    assert not (stopped / "error.json").exists()


@pytest.mark.soak
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_every_signal_at_every_moment(
    number: signal.Signals, data: pathlib.Path, undisturbed: pathlib.Path, tmp_path: pathlib.Path
):
    stop_everywhere(words(data, tmp_path / "run"), tmp_path / "run", (number,) * 4)
    assert remains(tmp_path / "run") == remains(undisturbed)


def test_a_second_signal_ends_a_compilation_at_once(data: pathlib.Path, tmp_path: pathlib.Path):
    with Child(words(data, tmp_path / "run"), JAX_ENABLE_COMPILATION_CACHE="0") as child:
        child.wait_until(lambda: COMPILING in child.said)
        child.process.send_signal(signal.SIGTERM)
        child.wait_until(lambda: "about to save" in child.said)
        assert child.stop(signal.SIGTERM) == 128 + signal.SIGTERM
        assert COMPILED not in child.said


def written(run: pathlib.Path) -> dict[pathlib.Path, int]:
    """When each file of a run was last written, but for its lock."""
    return {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file() and p.name != ".lock"}


def test_a_finished_run_says_so_and_stays_as_it_is(data: pathlib.Path, undisturbed: pathlib.Path):
    before = written(undisturbed)
    again = cfgrl(*words(data, undisturbed))
    assert again.returncode == 0 and "finished" in again.stdout
    assert written(undisturbed) == before


def test_another_configuration_is_refused_with_the_keys(data: pathlib.Path, undisturbed: pathlib.Path):
    before = remains(undisturbed)
    refused = cfgrl(*words(data, undisturbed, "guidance.dropout=0.2", "optimizer.learning_rate=0.1"))
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "guidance.dropout" in refused.stderr and "optimizer.learning_rate" in refused.stderr
    assert remains(undisturbed) == before


def test_another_machine_is_told_and_recorded(data: pathlib.Path, halfway: pathlib.Path, tmp_path: pathlib.Path):
    run = tmp_path / "run"
    shutil.copytree(halfway, run)

    def record() -> list[dict[str, object]]:
        return json.loads((run / "manifest.json").read_text()).get("resumed", [])

    # The time-out of an environment decides no bit, and may be another one as well.
    with Child(words(data, run, "eval.timeout=50"), PJRT_NPROC="1") as child:
        child.wait_until(record)
        child.wait_until(lambda: "note: threads: was 2, is 1 since the run was begun" in child.said)
    (resumed,) = record()
    assert resumed["differences"] == ["threads: was 2, is 1"] and resumed["step"] == int(remains(halfway)["step"])


def test_a_damaged_newest_checkpoint_falls_back_and_strict_refuses(
    data: pathlib.Path, stopped: pathlib.Path, undisturbed: pathlib.Path, tmp_path: pathlib.Path
):
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    newest = run / "checkpoints" / str(STEPS)
    weights = max(newest.rglob("*"), key=lambda p: p.stat().st_size if p.is_file() and p.name == "0.0.0" else 0)
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)

    refused = cfgrl(*words(data, run), "--strict")
    assert refused.returncode == 6 and str(STEPS) in refused.stderr and weights.parent.name in refused.stderr
    repaired = in_child(*words(data, run))
    assert repaired.returncode == 0 and "Falling back" in repaired.stderr
    assert remains(run) == remains(undisturbed)
