"""Runs that are killed again and again, finished by the same command to the same bits.

`make test` kills one run 4 times, `make soak` many runs 1,000 times; at least three kills in ten are inside a save.
"""

import pathlib
import random
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from childruns import begin, in_child, remains, wait_until, writing

#: Much to save, little to compute: a kill is to meet something.
EVERY, SEEDS = 20, (0, 1)
KEYS = (
    f"train.log_every={EVERY}", f"checkpoint.every={EVERY}", "train.batch_size=32", "policy.network.hidden=[16,16]",
    f"seeds={list(SEEDS)}", "eval.weights=[1]", "eval.episodes=1", "eval.tasks=[1]", "policy.steps=2",
)  # fmt: skip


class Kills(NamedTuple):
    """Processes that were killed, and those of them that were inside a save."""

    all: int = 0
    inside: int = 0


def kill(command: list[str], run: pathlib.Path, chance: random.Random, *, in_save: bool) -> bool | None:
    """Start a process and kill it at a random moment; whether it was inside a save, `None` where it had ended."""
    before, child = writing(run), begin(*command, stderr=subprocess.DEVNULL)
    if in_save:  # one of its first saves, and anywhere in it
        saves, seen = chance.randint(1, 5), set[str]()

        def the_save() -> bool:
            seen.update(name for name in writing(run) if name.endswith(".writing"))
            return len(seen - before.keys()) >= saves

        wait_until(the_save, child)
        time.sleep(chance.uniform(0.0, chance.choice((0.02, 0.2))))  # a save may be quick or slow
    else:
        wait_until(lambda: False, child, timeout=chance.uniform(0.1, 5.0))
    child.kill()
    code = child.wait()
    assert code in (0, -signal.SIGKILL)
    return None if code == 0 else any(before.get(name) != changed for name, changed in writing(run).items())


def kill_and_finish(command: list[str], run: pathlib.Path, chance: random.Random, kills: int) -> Kills:
    """Kill the run `kills` times, then let it end; fewer times where it ends before."""
    met = Kills()
    while met.all < kills:
        inside = kill(command, run, chance, in_save=chance.random() < 0.6)
        if inside is None:
            break
        met = Kills(met.all + 1, met.inside + inside)
    done = in_child(*command)
    assert done.returncode == 0, done.stderr
    return met


class Setting(NamedTuple):
    """What is trained, and what it comes to where nothing disturbs it."""

    data: pathlib.Path
    folder: pathlib.Path
    steps: int
    more: tuple[str, ...] = ()

    def command(self, run: pathlib.Path) -> list[str]:
        """Begins a run, and after a kill goes on with it."""
        keys = [f"dataset.dir={self.data}", f"train.steps={self.steps}", *KEYS, *self.more]
        return ["train", "cfgrl-goal", *keys, "--run-dir", str(run)]

    @property
    def undisturbed(self) -> pathlib.Path:
        """Made by `prepare`."""
        return self.folder / "undisturbed"

    def prepare(self) -> None:
        done = in_child(*self.command(self.undisturbed))
        assert done.returncode == 0, done.stderr

    def check(self, run: pathlib.Path) -> None:
        """The same bits and the same metrics, without a gap or a duplicate, and nothing half-made left behind."""
        assert remains(run) == remains(self.undisturbed)
        seen = [(record["step"], record["seed"]) for record in remains(run)["metrics"]]
        assert seen == [(step, seed) for step in range(EVERY, self.steps + 1, EVERY) for seed in SEEDS]
        assert not writing(run) and not (run / "error.json").exists()

    def campaign(self, number: int, kills: int) -> Kills:
        """Kills spread over as many runs as they take, until three in ten were inside a save."""
        met, chance = Kills(), random.Random(number)
        while met.all < kills or met.inside < 0.3 * met.all:
            run = self.folder / f"run{number}-{met.all}"
            found = kill_and_finish(self.command(run), run, chance, max(1, kills - met.all))
            met = Kills(met.all + found.all, met.inside + found.inside)
            self.check(run)
            shutil.rmtree(run)
        return met


def test_four_kills_change_nothing(data: pathlib.Path, tmp_path: pathlib.Path):
    setting = Setting(data, tmp_path, steps=800)
    setting.prepare()
    met = setting.campaign(0, 4)
    assert met.all >= 4 and met.inside >= 0.3 * met.all


@pytest.mark.soak
@pytest.mark.parametrize(("kills", "more"), [(800, ()), (200, ("train.eval_every=400",))], ids=["plain", "evaluating"])
def test_a_thousand_kills_change_nothing(kills: int, more: tuple[str, ...], data: pathlib.Path, tmp_path: pathlib.Path):
    setting, total, apiece = Setting(data, tmp_path, 3000, more), Kills(), 20
    setting.prepare()
    with ThreadPoolExecutor(2) as pool:
        for met in pool.map(lambda number: setting.campaign(number, apiece), range(kills // apiece)):
            total = Kills(total.all + met.all, total.inside + met.inside)
            print(f"{total.all} kills, {total.inside} inside a save: the same bits each time", flush=True)
    assert total.all >= kills and total.inside >= 0.3 * total.all
