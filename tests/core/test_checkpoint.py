"""Checkpoints: the same bits back, and every alteration noticed and named."""

import json
import pathlib

import equinox as eqx
import jax
import pytest
from toys import assert_same_bits, small_agent, walk

from cfgrl import CheckpointError, init
from cfgrl.runs import _checkpoint, _digests


@pytest.fixture(scope="module")
def state():
    agent = small_agent(normalize=True)
    return init(agent, walk(), key=jax.random.split(jax.random.key(0), 2))


@pytest.fixture
def saved(tmp_path: pathlib.Path, state):
    for step in (10, 20):
        _checkpoint.save(tmp_path, step, state, keep=2)
    return tmp_path, state


def template(state):
    return eqx.filter_eval_shape(lambda: state)


def test_a_state_comes_back_bit_for_bit(saved):
    folder, state = saved
    assert _checkpoint.steps(folder) == [10, 20]
    assert_same_bits(_checkpoint.restore(folder, 20, template(state)), state)


def test_only_the_newest_are_kept_and_strays_are_no_steps(saved):
    folder, state = saved
    (folder / "99").mkdir()
    (folder / "notes").mkdir()
    (folder / ".30.writing").mkdir()
    _checkpoint.save(folder, 30, state, keep=2)
    assert _checkpoint.steps(folder) == [20, 30]
    assert not (folder / ".30.writing").exists() and (folder / "99").exists()


def test_the_altered_leaf_is_named(saved):
    folder, state = saved
    record = json.loads((folder / "20" / "digests.json").read_text())
    record.pop("seal")
    name = sorted(record["leaves"])[3]
    record["leaves"][name]["sha256"] = "0" * 64
    text = json.dumps(record | {"seal": _digests.seal(record)}, indent=1)
    (folder / "20" / "digests.json").write_text(text)
    with pytest.raises(CheckpointError, match=name):
        _checkpoint.restore(folder, 20, template(state))


def test_another_architecture_is_refused_by_leaf(saved):
    folder, state = saved
    other = init(small_agent(normalize=True, hidden=(8, 16)), walk(), key=jax.random.split(jax.random.key(0), 2))
    with pytest.raises(CheckpointError, match="layers.*shape"):
        _checkpoint.restore(folder, 20, template(other))


def test_a_newer_schema_is_refused_with_a_sentence(saved):
    folder, state = saved
    record = json.loads((folder / "20" / "digests.json").read_text())
    (folder / "20" / "digests.json").write_text(json.dumps(record | {"schema": 99}))
    with pytest.raises(CheckpointError, match="newer cfgrl"):
        _checkpoint.restore(folder, 20, template(state))


def test_a_damaged_newer_step_is_named_and_outlived(saved):
    """A step without its digests is no silence but an error, and the next save does not sacrifice good steps to it."""
    folder, state = saved
    (folder / "20" / "digests.json").unlink()
    assert _checkpoint.steps(folder) == [10, 20]
    with pytest.raises(CheckpointError, match=r"20.*digests\.json"):
        _checkpoint.restore(folder, 20, template(state))
    _checkpoint.save(folder, 15, state, keep=2)
    assert _checkpoint.steps(folder) == [10, 15]
