"""Checks of what training and jit keep of a component: saved state, and values that are traced."""

import dataclasses
import pathlib
import tempfile
from typing import Any

import chex
import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl.catalogue._fields import class_fields
from cfgrl.runs._checkpoint import restore, save
from cfgrl.testing._check import rule
from cfgrl.testing._configuration import accepts
from cfgrl.testing._labeler import initial, updated
from cfgrl.testing._parts import same
from cfgrl.testing._policy import net_of

KEY = jax.random.key(0)


def _survives(trained: Any, fresh: Any, what: str) -> None:
    if not any(map(eqx.is_array, jax.tree.leaves(trained))):
        assert same(trained, fresh), f"{what} changes and is no array, so that a checkpoint does not hold it"
        return
    with tempfile.TemporaryDirectory() as folder:
        save(pathlib.Path(folder), 1, trained, keep=1)
        again = restore(pathlib.Path(folder), 1, fresh)
    assert same(trained, again), (
        f"{what}, saved and restored, is not what it was: all that changes must be arrays, and nothing else may change"
    )


@rule()
def its_state_survives_a_checkpoint(labeler: Any) -> None:
    """The state after an update, written to a checkpoint and read into a fresh one, is the same bit for bit."""
    _survives(updated(labeler)[0], initial(labeler), "the state")


@rule()
def its_parameters_survive_a_checkpoint(policy: Any) -> None:
    """Parameters, written to a checkpoint and read into fresh ones, are the same bit for bit."""
    net = net_of(policy)
    moved = jax.tree.map(lambda leaf: leaf + 0.5 if eqx.is_inexact_array(leaf) else leaf, net)
    _survives(moved, net_of(policy), "the network")


@rule(lambda component: any(field.kind == "scalar" for field in class_fields(type(component)).values()))
def another_value_never_compiles(component: Any) -> None:
    """Two components that differ in a number declared with `scalar()` run the same compiled code."""
    for name, field in class_fields(type(component)).items():
        if field.kind != "scalar" or getattr(component, name) is None:
            continue
        value = float(getattr(component, name))
        others = [v for v in (value * 0.5 + 0.01, value * 0.9, value * 0.8) if accepts(field, v)]
        chex.clear_trace_counter()
        once: Any = chex.assert_max_traces(n=1)
        touch = eqx.filter_jit(once(_touch))
        try:
            for v in (value, *others):
                if (other := _with(component, name, v)) is not None:
                    touch(other)
        except AssertionError as error:
            raise AssertionError(f"another value of `{name}` compiles again") from error


def _touch(component: Any) -> Any:
    return [jnp.sum(leaf) for leaf in jax.tree.leaves(component) if eqx.is_inexact_array(leaf)]


def _with(component: Any, name: str, value: float) -> Any:
    """The component with another value; `None` if it refuses that, as fields that are ordered do."""
    try:
        return dataclasses.replace(component, **{name: value})
    except Exception:
        return None


LABELER_CHECKS = (its_state_survives_a_checkpoint,)
POLICY_CHECKS = (its_parameters_survive_a_checkpoint,)
CHECKS = (another_value_never_compiles,)
