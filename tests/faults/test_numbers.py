"""Numbers that go wrong: the run stops, the update is named, and such a state is never saved.

The fault is a labeler of a plugin, found through its entry point like anybody's: its labels are NaN from one update on.
"""

import json
import os
import pathlib

import equinox as eqx
import fakes
import jax
import jax.numpy as jnp
import pytest
from childruns import in_child, lines
from toys import small_agent, walk

from cfgrl import NumericError, init
from cfgrl.runs import _checkpoint
from cfgrl.runs._writer import check_parameters

BAD = 137
KEYS = (
    "dataset.use=bandit", "labeler.use=poisoned", f"labeler.bad={BAD}", "train.steps=400", "train.log_every=50",
    "checkpoint.every=50", "train.batch_size=16", "policy.network.hidden=[8]",
)  # fmt: skip
PLUGIN = '''
import jax.numpy as jnp
from cfgrl import Component, Label, Labeler, hookimpl


class Poisoned(Labeler):
    """Behaviour whose actions are NaN from update `bad` on."""

    bad: int = 0
    provides = frozenset()

    def init(self, data, *, key):
        return jnp.zeros((), jnp.int32)

    def update(self, state, data, index, actor, *, key):
        return state + 1, {}

    def label(self, state, data, index, *, key):
        return Label(target=jnp.where(state >= self.bad, jnp.nan, data.take(index)["actions"]))


@hookimpl
def cfgrl_labelers():
    return {"poisoned": Component(f"{__name__}:Poisoned", summary="NaN from one update on")}
'''


def test_a_planted_nan_is_named_and_never_saved(tmp_path: pathlib.Path):
    (tmp_path / "site").mkdir()
    fakes.distribution(tmp_path / "site", "poison", PLUGIN)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    run = tmp_path / "run"
    for attempt in range(2):  # the second one goes on from the newest checkpoint and meets the same update
        done = in_child("train", "flow-bc", *KEYS, "--run-dir", str(run), env=environment)
        assert done.returncode == 5 and "Traceback" not in done.stderr, done.stderr
        assert f"The loss became NaN or infinite in update {BAD} " in done.stderr
        assert _checkpoint.steps(run / "checkpoints")[-1] == 100
        assert [record["step"] for record in lines(run / "metrics.jsonl")] == [50, 100]
        error = json.loads((run / "error.json").read_text())
        assert (error["exit_code"], error["step"]) == (5, 100) and f"update {BAD} " in error["message"], attempt


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
def test_a_parameter_that_is_not_finite_is_not_saved(value: float):
    """The last update of a chunk can spoil a parameter whose loss would be known only in the next one."""
    state = init(small_agent(), walk(), key=jax.random.split(jax.random.key(0), 2))
    check_parameters(state, 5)

    def bias(state):
        return state.stages[0].net.velocity.layers[1].bias

    learned = eqx.tree_at(
        lambda state: state.stages[0].labeler, state, jnp.full((2, 3), value), is_leaf=lambda x: x is None
    )
    with pytest.raises(NumericError, match="a parameter of stage 1"):
        check_parameters(learned, 5)
    spoilt = eqx.tree_at(bias, state, bias(state).at[1, 3].set(value))
    with pytest.raises(NumericError, match=r"After update 4 a parameter of stage 1 .*velocity\.layers\.1\.bias"):
        check_parameters(spoilt, 5)
