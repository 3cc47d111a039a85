"""Checks for labelers."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cfgrl._label import Label
from cfgrl.data._streamed import Streamed
from cfgrl.testing._check import provides, rule
from cfgrl.testing._memo import once
from cfgrl.testing._parts import (
    ACTION,
    all_finite,
    close,
    example_data,
    floats_are_float32,
    same,
    stirred,
    traces_alike,
    viewed,
)
from cfgrl.testing._quoted import quoted

INDEX = jnp.array([0, 3, 8, 12], jnp.int32)
KEY = jax.random.key(0)


class _RowsOnly(Streamed):
    """A column that does not let itself be read as a whole."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        del dtype, copy
        raise TypeError("the whole column was read")


def initial(labeler: Any) -> Any:
    """The initial state."""
    return once(labeler, "state", lambda: _begin(labeler)(viewed(example_data()), KEY))


def _begin(labeler: Any) -> Any:
    return eqx.filter_jit(lambda data, key: labeler.init(data, key=key))


def _label_rows(labeler: Any) -> Any:
    """`(state, data) -> labels` of the rows `INDEX`, not compiled."""

    def label_rows(state: Any, data: Any) -> Label:
        keys = jax.random.split(KEY, len(INDEX))
        return jax.vmap(lambda index, key: labeler.label(state, data, index, key=key))(INDEX, keys)

    return label_rows


def _labels(labeler: Any) -> Any:
    made = once(labeler, "labels", lambda: eqx.filter_jit(_label_rows(labeler)))
    return made(initial(labeler), viewed(example_data()))


def _actor(observation: Any, context: Any, key: Any) -> Any:
    del observation, context
    return 0.1 * jax.random.normal(key, (ACTION,))


def _update_rows(labeler: Any) -> Any:
    """`(state, data) -> (state, metrics)` on the rows `INDEX`, not compiled."""
    return lambda state, data: labeler.update(state, data, INDEX, _actor, key=KEY)


def updated(labeler: Any) -> tuple[Any, Any]:
    """State and metrics after one update of the initial state."""
    update = once(labeler, "update", lambda: eqx.filter_jit(_update_rows(labeler)))
    return update(initial(labeler), viewed(example_data()))


@rule()
def labels_are_finite(labeler: Any) -> None:
    """Under `jit` and `vmap`, a label is a `Label` of finite float32 numbers with a target of one axis."""
    label = _labels(labeler)
    assert isinstance(label, Label), f"label returned {type(label).__name__}"
    assert label.target.ndim == 2, f"target of one transition must have one axis, has {label.target.ndim - 1}"
    assert all_finite(label), "a label holds NaN or infinity"
    wrong = floats_are_float32((label.target, label.advantage))
    assert not wrong, f"targets and advantages are float32; found {wrong}"


@rule()
def labels_match_what_is_provided(labeler: Any) -> None:
    """A goal is given where `goal` is provided, an advantage of shape () exactly where `advantage` is."""
    label = _labels(labeler)
    if "goal" in labeler.provides:
        assert label.context is not None, "`goal` is provided, but the label's context is None"
    has = label.advantage is not None
    claims = "advantage" in labeler.provides
    assert has == claims, (
        f"`advantage` is {'' if claims else 'not '}provided, but the label {'has' if has else 'lacks'} one"
    )
    assert label.advantage is None or label.advantage.ndim == 1, "an advantage is one number"


@rule()
def labels_are_pure(labeler: Any) -> None:
    """The same key gives the same label, and the same program however often it is traced."""
    assert same(_labels(labeler), _labels(labeler)), "the same key gave two different labels; draw from `key` only"
    given = (initial(labeler), viewed(example_data()))
    assert traces_alike(_label_rows(labeler), *given), "a second trace gives other labels; keep no Python state"


@rule()
def labels_of_a_batch_are_those_of_each(labeler: Any) -> None:
    """A row's label does not depend on the rows beside it: mapped over a batch it is what it is alone."""
    keys = jax.random.split(KEY, len(INDEX))
    alone = eqx.filter_jit(labeler.label)(initial(labeler), viewed(example_data()), INDEX[2], key=keys[2])
    in_batch = jax.tree.map(lambda leaf: leaf[2], _labels(labeler))
    assert close(in_batch, alone), "in a batch the label of a row is another"


@rule()
def labels_read_rows_through_take(labeler: Any) -> None:
    """Data that stay on the host give the same labels: all rows are read by `data.take`."""
    rows_only = {name: _RowsOnly(np.asarray(column)) for name, column in example_data().columns.items()}
    data = viewed(dataclasses.replace(example_data(), columns=rows_only))
    try:
        streamed = eqx.filter_jit(_label_rows(labeler))(initial(labeler), data)
    except Exception as error:
        why = quoted(error, labeler)
        raise AssertionError(f"streamed data cannot be labelled; read rows by `data.take` only: {why}") from error
    assert close(streamed, _labels(labeler)), "streamed data give other labels"


@rule(lambda labeler: labeler.chunk > 1)
def a_chunk_is_as_long_as_said(labeler: Any) -> None:
    """A target holds `chunk` actions, one after another."""
    size = _labels(labeler).target.shape[1]
    assert size == labeler.chunk * ACTION, f"`chunk` is {labeler.chunk}, but a target has {size} / {ACTION} actions"


@rule()
def updates_keep_the_state_structure(labeler: Any) -> None:
    """`update` returns a state of the same structure, shapes and dtypes, and metrics that are finite scalars."""
    state = initial(labeler)
    after, metrics = updated(labeler)
    assert jax.tree.structure(state) == jax.tree.structure(after), "`update` changed the structure of the state"
    old_arrays, new_arrays = (jax.tree.leaves(eqx.filter(s, eqx.is_array)) for s in (state, after))
    for old, new in zip(old_arrays, new_arrays, strict=True):
        assert jnp.shape(old) == jnp.shape(new) and jnp.result_type(old) == jnp.result_type(new), (
            "`update` changed the shape or dtype of a leaf of the state"
        )
    for name, value in metrics.items():
        assert jnp.shape(value) == () and bool(jnp.isfinite(value)), f"metric {name} is not a finite scalar"


@rule()
def updates_are_pure(labeler: Any) -> None:
    """The same state, batch and key give the same new state, however often it is traced."""
    assert same(updated(labeler)[0], updated(labeler)[0]), "two updates from one state with one key differ"
    given = (initial(labeler), viewed(example_data()))
    assert traces_alike(_update_rows(labeler), *given), "a second trace gives another update; keep no Python state"


@rule()
def state_shapes_do_not_depend_on_rows(labeler: Any) -> None:
    """The state's shapes are the same for more rows, so that a run loads without its data."""
    states = (eqx.filter_eval_shape(labeler.init, viewed(example_data(n)), key=KEY) for n in (6, 9))
    small, large = ([leaf.shape for leaf in jax.tree.leaves(state) if hasattr(leaf, "shape")] for state in states)
    assert small == large, "state shapes depend on the number of rows"


def scorer(labeler: Any, which: str) -> tuple[Any, Any]:
    """`target -> heads` for the first row, and that row's target."""
    data, label = viewed(example_data()), jax.tree.map(lambda leaf: leaf[0], _labels(labeler))
    observation = data.take(INDEX[0])["observations"]

    state = stirred(initial(labeler))  # A last layer of zeros hides everything before training.

    def score(target: Any) -> Any:
        return labeler.critic(state, observation, target, label.context, which=which)

    return score, label.target


@rule(provides("critic"))
def critic_scores(labeler: Any) -> None:
    """Where `critic` is provided, it gives finite heads for an observation, a target and a context."""
    for which in ("online", "target"):
        score, target = scorer(labeler, which)
        heads = eqx.filter_jit(score)(target)
        assert heads.ndim == 1 and all_finite(heads), f"the {which} critic must give finite heads of one axis"


@rule(provides("critic"))
def critic_can_be_climbed(labeler: Any) -> None:
    """The critic's gradient by the target is finite and not zero: energy guidance and Q-gradients follow it."""
    score, target = scorer(labeler, "online")
    slope = eqx.filter_jit(jax.grad(lambda x: jnp.sum(score(x))))(0.5 * target)
    assert all_finite(slope) and bool(jnp.any(slope != 0)), "the critic's gradient by the target is zero or not finite"


CHECKS = (
    labels_are_finite,
    labels_match_what_is_provided,
    labels_are_pure,
    labels_of_a_batch_are_those_of_each,
    labels_read_rows_through_take,
    a_chunk_is_as_long_as_said,
    updates_keep_the_state_structure,
    updates_are_pure,
    state_shapes_do_not_depend_on_rows,
    critic_scores,
    critic_can_be_climbed,
)
