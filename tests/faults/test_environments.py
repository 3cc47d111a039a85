"""Environments that raise, die, hang or answer what is no number: they fail their own episode and no other."""

import collections
import contextlib
import functools
import multiprocessing
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np
import pytest
from faulty import DEATHS, HANGS, TOLD, Faulty, FaultyData, NeverMade, Unmakeable, episodes
from toys import small_agent, walk

from cfgrl import DataError, init
from cfgrl._errors import Preempted
from cfgrl.evaluation import _worker
from cfgrl.evaluation._episode import Episode
from cfgrl.evaluation._evaluate import plan, play_all
from cfgrl.evaluation._judge import judge
from cfgrl.evaluation._outcomes import Outcome
from cfgrl.evaluation._vector_environment import Round, VectorEnvironment
from cfgrl.evaluation._worker import WorkerClient

#: Far above what a healthy step takes, also where two cores do much else.
TIMEOUT = 3.0
#: What one lost worker may cost beside the time-out, on a machine that does other things too: another one's start.
RESTART = 15.0


@pytest.fixture(scope="module")
def trained():
    agent = small_agent()
    return agent, init(agent, walk(), key=jax.random.split(jax.random.key(0), 2))


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()


def failures(outcomes: Sequence[Outcome]) -> dict[float | None, int]:
    """Failed episodes of each weight."""
    return dict(collections.Counter(outcome.weight for outcome in outcomes if outcome.failed))


def check(trained, queue: Sequence[Episode], faults: Mapping[int, str], *, pool: int, workers: int) -> None:
    """Every planted fault is one failed episode, and all others are what they are without any fault."""
    undisturbed, _ = play_all(*trained, functools.partial(Faulty, {}), queue, pool=pool)
    make = functools.partial(Faulty, faults)
    outcomes, _ = play_all(*trained, make, queue, pool=pool, workers=workers, timeout=TIMEOUT)
    planted = collections.Counter(episode.weight for episode in queue if episode.env_seed in faults)
    assert failures(outcomes) == dict(planted)
    assert [o for o in outcomes if o.env_seed not in faults] == [o for o in undisturbed if o.env_seed not in faults]
    assert {o.env_seed for o in outcomes if o.failed} == set(faults)
    assert all(o.success == 0 and np.isfinite(o.return_) for o in outcomes if o.failed)


@pytest.mark.parametrize("count", [30, pytest.param(100, marks=pytest.mark.soak)])
def test_faults_are_as_many_failed_episodes(count: int, trained) -> None:
    kinds = [*HANGS, *DEATHS, *TOLD, *DEATHS, *(TOLD * 6)][:count]
    assert len(kinds) == count and set(kinds) == {*HANGS, *DEATHS, *TOLD}
    queue = episodes(4 * count)
    seeds = random.Random(0).sample([episode.env_seed for episode in queue], len(kinds))
    began = time.monotonic()
    check(trained, queue, dict(zip(seeds, kinds, strict=True)), pool=16, workers=2)
    lost = len(HANGS) + 2 * len(DEATHS)
    assert time.monotonic() - began < RESTART * (lost + 2) + TIMEOUT * len(HANGS)


@pytest.mark.parametrize("kind", TOLD)
def test_what_an_environment_tells_needs_no_worker(trained, kind: str) -> None:
    queue = episodes(24)
    check(trained, queue, {queue[7].env_seed: kind}, pool=8, workers=0)


@pytest.mark.parametrize("kind", ["step kills", "reset sleeps"])
def test_all_episodes_may_fail(trained, kind: str) -> None:
    queue = episodes(6)
    outcomes, rollouts = play_all(
        *trained, functools.partial(Faulty, {e.env_seed: kind for e in queue}), queue, workers=2, timeout=0.2
    )
    assert failures(outcomes) == {0.0: 2, 1.0: 2, 3.0: 2} and not rollouts


@pytest.mark.parametrize("workers", [0, 1])
def test_an_environment_that_cannot_be_made_again_fails_the_next_episode_only(
    trained, tmp_path: pathlib.Path, workers: int
) -> None:
    queue = [episode for episode in episodes(24) if episode.seed == 0]
    undisturbed, _ = play_all(*trained, functools.partial(Faulty, {}), queue, pool=2)
    make = functools.partial(Faulty, {queue[3].env_seed: "step breaks"}, tmp_path)
    outcomes, _ = play_all(*trained, make, queue, pool=2, workers=workers)
    assert [o.failed for o in outcomes] == [i in (3, 4) for i in range(len(queue))]
    assert [o for o in outcomes if not o.failed] == [
        u for u, o in zip(undisturbed, outcomes, strict=True) if not o.failed
    ]


def test_environments_that_can_never_be_made_are_no_failed_episodes(trained) -> None:
    with pytest.raises(DataError, match="worker died .exit code 7.*cfgrl doctor"):
        play_all(*trained, Unmakeable, episodes(6), workers=1)


def test_a_worker_that_never_starts_is_given_up(trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_worker, "STARTING", 0.5)
    monkeypatch.setattr(_worker, "LOST", 1)
    with pytest.raises(DataError, match="worker did nothing for .* s; `cfgrl doctor`"):
        play_all(*trained, NeverMade, episodes(6), workers=1, timeout=1e-6)


def test_the_record_says_how_many_failed(trained) -> None:
    weights = [0.0, 1.0]
    seeds = sorted({episode.env_seed for episode in plan(1, FaultyData({}).tasks, weights, 3, seed=5)})
    faults = {seeds[0]: "step kills", seeds[1]: "step pays infinity"}
    record, *_ = judge(
        *trained,
        FaultyData(faults),
        seeds=(3, 4),
        weights=weights,
        episodes=3,
        tasks=[],
        seed=5,
        pool=16,
        workers=2,
        timeout=TIMEOUT,
    )
    assert [(result["n_failed"], result["episodes"]) for result in record["results"]] == [(4, 12), (4, 12)]
    assert any("8 of 24 episodes failed" in note for note in record["notes"])


def test_a_stop_is_answered_while_environments_hang(trained) -> None:
    queue = episodes(12)
    asked: list[float] = []

    def stop(done: int, total: int) -> None:
        asked.append(time.monotonic())
        assert (done, total) == (0, 12)
        if len(asked) == 12:
            raise Preempted("stopped")

    faults = {episode.env_seed: HANGS[i % len(HANGS)] for i, episode in enumerate(queue)}
    with pytest.raises(Preempted):
        play_all(*trained, functools.partial(Faulty, faults), queue, workers=2, timeout=600.0, progress=stop)
    # Not at the end of the time-out, by far, nor of any wait for a worker that hangs.
    assert time.monotonic() - asked[-1] < 60 and max(np.diff(asked)) < 60


@contextlib.contextmanager
def client(faults: Mapping[int, str]) -> Iterator[WorkerClient]:
    """A client of one slot, which has begun its first episode."""
    queue = [episode for episode in episodes(6) if episode.seed == 0]
    make = functools.partial(Faulty, faults)
    made = WorkerClient(functools.partial(VectorEnvironment, make, seeds=1, width=1), queue, timeout=2.5)
    try:
        assert answer(made).started
        yield made
    finally:
        made.close()


def answer(client: WorkerClient) -> Round:
    while not client.ready(0.2):
        pass
    return client.receive()


def test_a_pause_of_this_process_is_not_taken_for_a_hang() -> None:
    """A scheduler may stop all processes of a job for a while; the worker had no time, so it lost none."""
    with client({episodes(1)[0].env_seed: "step dozes"}) as paused:
        paused.send(np.zeros((1, 2), np.float32))
        assert not answer(paused).outcomes
        paused.send(np.zeros((1, 2), np.float32))
        assert not paused.ready(0.1)  # the second step dozes
        os.kill(paused.pid, signal.SIGSTOP)
        time.sleep(3.5)
        os.kill(paused.pid, signal.SIGCONT)
        assert not answer(paused).outcomes


def test_a_worker_that_is_lost_between_two_rounds_is_no_episodes_fault() -> None:
    with client({}) as lost:
        for _ in range(_worker.LOST - 1):
            os.kill(lost.pid, signal.SIGKILL)
            buried = answer(lost)
            assert lost.anew and not buried.outcomes and buried.active == 3
            assert [episode for _, episode in answer(lost).started] == episodes(1)
        os.kill(lost.pid, signal.SIGKILL)
        with pytest.raises(DataError, match="worker died .exit code -9"):
            answer(lost)


ORPHAN = """
import functools, pathlib, sys, time
from faulty import Faulty, episodes
from cfgrl.evaluation._vector_environment import VectorEnvironment
from cfgrl.evaluation._worker import WorkerClient
if __name__ == "__main__":
    queue = episodes(1)
    make = functools.partial(Faulty, {queue[0].env_seed: sys.argv[1]})
    client = WorkerClient(functools.partial(VectorEnvironment, make, seeds=1, width=1), queue, timeout=3600)
    while client._pulse.read().episode is None:
        time.sleep(0.01)
    time.sleep(0.1)
    print(client.pid, flush=True)
    time.sleep(3600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker ends when it looks at its pipe again")
@pytest.mark.parametrize("fault", ["reset sleeps", "reset holds the lock", "reset works"])
def test_no_worker_outlives_a_parent_that_is_killed(fault: str) -> None:
    path = os.pathsep.join([str(pathlib.Path(__file__).parents[1] / "core"), *filter(None, sys.path)])
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, fault], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    ) as parent:
        assert parent.stdout is not None
        worker = pathlib.Path("/proc", parent.stdout.readline().strip(), "stat")
        assert worker.exists()
        parent.kill()
    deadline = time.monotonic() + 5
    while worker.exists() and worker.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.01)


@pytest.mark.soak
def test_failures_are_counted_in_a_hundred_of_a_hundred_evaluations(trained) -> None:
    total, lost = 0, 0
    for number in range(100):
        chance = random.Random(number)
        queue = episodes(chance.randint(20, 120), n_seeds=2)
        kinds = chance.choices([*HANGS, *DEATHS, *TOLD], k=chance.randint(1, 10))
        seeds = chance.sample([episode.env_seed for episode in queue], len(kinds))
        faults = dict(zip(seeds, kinds, strict=True))
        check(trained, queue, faults, pool=chance.choice([2, 8, 16]), workers=chance.choice([1, 2, 3]))
        total, lost = total + len(kinds), lost + sum(kind not in TOLD for kind in kinds)
    print(f"\n100 of 100 evaluations counted every failure: {total} faults, {lost} of them lost a worker")
