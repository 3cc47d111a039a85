"""Checkpoints in which a file was damaged: noticed, named, and outlived by the step before. None in silence.

Every file meets every fault; beyond that, files and places are drawn at random. `make test` makes 500 faults,
`make soak` 10,000.
"""

import contextlib
import pathlib
import random
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import pytest
from toys import assert_same_bits, small_agent, walk

from cfgrl import CheckpointError, init
from cfgrl.runs import _checkpoint
from cfgrl.runs._run import RunDirectory

GOOD, NEWEST = 10, 20
Damage = Callable[[pathlib.Path, random.Random], object]


def flip(path: pathlib.Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def truncate(path: pathlib.Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


def zero(path: pathlib.Path, chance: random.Random) -> None:
    content = path.read_bytes()
    begin = chance.randrange(len(content))
    path.write_bytes(content[:begin] + bytes(len(content) - begin))


def stray(path: pathlib.Path, chance: random.Random) -> None:
    path.with_name(chance.choice(("0.0.copy", ".zarray~", "99", "core"))).write_bytes(path.read_bytes())


def delete(path: pathlib.Path, chance: random.Random) -> None:
    path.unlink()


FAULTS: tuple[Damage, ...] = (flip, truncate, zero, delete, stray)


@pytest.fixture(scope="module")
def state():
    return init(small_agent(normalize=True), walk(), key=jax.random.split(jax.random.key(0), 2))


@pytest.fixture
def run(tmp_path: pathlib.Path, state) -> RunDirectory:
    run = RunDirectory(tmp_path)
    for step in (GOOD, NEWEST):
        _checkpoint.save(run.checkpoints, step, state, keep=2, notes={"window": {"count": step, "sums": {"a": [0.1]}}})
    return run


@contextlib.contextmanager
def damaged(folder: pathlib.Path, file: pathlib.Path, fault: Damage, chance: random.Random) -> Iterator[bool]:
    """Whether the fault changed anything; everything is as it was afterwards."""
    content, beside = file.read_bytes(), set(file.parent.iterdir())
    try:
        fault(file, chance)
        yield set(file.parent.iterdir()) != beside or file.read_bytes() != content
    finally:
        for extra in set(file.parent.iterdir()) - beside:
            extra.unlink()
        file.write_bytes(content)


def cases(folder: pathlib.Path, chance: random.Random) -> Iterator[tuple[pathlib.Path, Damage]]:
    """Every file with every fault, then at random and without an end."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) > 50
    all_of_them = [(file, fault) for file in files for fault in FAULTS]
    yield from all_of_them
    while True:
        yield chance.choice(all_of_them)


def outlives(run: RunDirectory, state, seed: int, count: int) -> None:
    folder, chance = run.checkpoints / str(NEWEST), random.Random(seed)
    template, met = eqx.filter_eval_shape(lambda: state), 0
    for file, fault in cases(folder, chance):
        with damaged(folder, file, fault, chance) as changed:
            if not changed:  # what was zero stays so
                continue
            with pytest.raises(CheckpointError) as error:
                _checkpoint.restore(run.checkpoints, NEWEST, template)
            said = str(error.value)
            assert str(folder) in said and (fault is stray or str(file.relative_to(folder)) in said), said
            met += 1
            if met % 25 == 1:
                falls_back(run, state, template, said)
        if met == count:
            break
    assert_same_bits(_checkpoint.restore(run.checkpoints, NEWEST, template), state)
    print(f"\n{met:,} faults: all noticed, each with the step and the file")


def falls_back(run: RunDirectory, state, template, said: str) -> None:
    warnings: list[str] = []
    found = run.restore(template, warn=warnings.append)
    assert found is not None and found[0] == GOOD and warnings == [f"{said} Falling back to the checkpoint before it."]
    assert_same_bits(found[1], state)
    with pytest.raises(CheckpointError, match=str(NEWEST)):
        run.restore(template, strict=True)


def test_no_fault_of_500_is_silent(run: RunDirectory, state):
    outlives(run, state, 0, 500)


@pytest.mark.soak
def test_no_fault_of_10_000_is_silent(run: RunDirectory, state):
    outlives(run, state, 1, 10_000)


def test_where_every_step_is_damaged_nothing_is_begun_anew(run: RunDirectory, state):
    for step in (GOOD, NEWEST):
        (run.checkpoints / str(step) / "digests.json").unlink()
    with pytest.raises(CheckpointError, match="No checkpoint in .* is whole"):
        run.restore(eqx.filter_eval_shape(lambda: state))


def test_strays_beside_the_steps_are_no_steps(run: RunDirectory, state):
    (run.checkpoints / "99").mkdir()
    (run.checkpoints / "007").mkdir()
    (run.checkpoints / "007" / "file").touch()
    (run.checkpoints / "30").touch()
    (run.checkpoints / "notes").mkdir()
    found = run.restore(eqx.filter_eval_shape(lambda: state))
    assert found is not None and found[0] == NEWEST


def test_a_step_that_a_trainer_removes_meanwhile_is_no_damage(
    run: RunDirectory, state, monkeypatch: pytest.MonkeyPatch
):
    """An evaluation reads the newest step while the trainer saves two more and removes it."""
    restore = _checkpoint.restore

    def slow(folder: pathlib.Path, step: int, template):
        if step == NEWEST:
            for later in (30, 40):
                _checkpoint.save(folder, later, state, keep=2)
        return restore(folder, step, template)

    monkeypatch.setattr(_checkpoint, "restore", slow)
    warnings: list[str] = []
    found = run.restore(eqx.filter_eval_shape(lambda: state), strict=True, warn=warnings.append)
    assert found is not None and found[0] == 40 and not warnings


def test_a_step_that_is_half_removed_is_no_step(run: RunDirectory, state, monkeypatch: pytest.MonkeyPatch):
    """Whoever lists the steps while one is removed, or after a kill in the middle of that, does not meet it."""
    monkeypatch.setattr(_checkpoint.shutil, "rmtree", lambda path, **kwargs: None)
    _checkpoint.save(run.checkpoints, 30, state, keep=1)
    assert _checkpoint.steps(run.checkpoints) == [30]
    monkeypatch.undo()
    _checkpoint.save(run.checkpoints, 40, state, keep=1)
    assert [path.name for path in run.checkpoints.iterdir()] == ["40"]
