"""Checks for labelers."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._label import Label
from cfgrl.testing._parts import ACTION, all_finite, example_data, same, viewed

INDEX = jnp.array([0, 3, 8, 12], jnp.int32)
KEY = jax.random.key(0)


def _labels(labeler: Any, state: Any, key: Any = KEY) -> Any:
    data = viewed(example_data())
    keys = jax.random.split(key, len(INDEX))
    return eqx.filter_jit(lambda i, k: jax.vmap(lambda a, b: labeler.label(state, data, a, key=b))(i, k))(INDEX, keys)


def _actor(observation: Any, context: Any, key: Any) -> Any:
    del observation, context
    return 0.1 * jax.random.normal(key, (ACTION,))


def labels_are_finite(labeler: Any) -> None:
    """Under `jit` and `vmap`, a label is a `Label` of finite numbers with a target of one axis."""
    label = _labels(labeler, labeler.init(viewed(example_data()), key=KEY))
    assert isinstance(label, Label), f"label returned {type(label).__name__}"
    assert label.target.ndim == 2, f"target of one transition must have one axis, has {label.target.ndim - 1}"
    assert all_finite(label), "a label holds NaN or infinity"


def labels_match_what_is_provided(labeler: Any) -> None:
    """A goal is given where `goal` is provided, an advantage exactly where `advantage` is."""
    label = _labels(labeler, labeler.init(viewed(example_data()), key=KEY))
    if "goal" in labeler.provides:
        assert label.context is not None, "`goal` is provided, but the label's context is None"
    has = label.advantage is not None
    claims = "advantage" in labeler.provides
    assert has == claims, (
        f"`advantage` is {'' if claims else 'not '}provided, but the label {'has' if has else 'lacks'} one"
    )


def labels_are_pure(labeler: Any) -> None:
    """The same key gives the same label."""
    state = labeler.init(viewed(example_data()), key=KEY)
    first, second = _labels(labeler, state), _labels(labeler, state)
    assert same(first, second), "the same key gave two different labels; keep no Python state and draw from `key` only"


def updates_keep_the_state_structure(labeler: Any) -> None:
    """`update` returns a state of the same structure, shapes and dtypes, and metrics that are finite scalars."""
    data = viewed(example_data())
    state = labeler.init(data, key=KEY)
    after, metrics = eqx.filter_jit(lambda s: labeler.update(s, data, INDEX, _actor, key=KEY))(state)
    assert jax.tree.structure(state) == jax.tree.structure(after), "`update` changed the structure of the state"
    old_arrays, new_arrays = (jax.tree.leaves(eqx.filter(s, eqx.is_array)) for s in (state, after))
    for old, new in zip(old_arrays, new_arrays, strict=True):
        assert jnp.shape(old) == jnp.shape(new) and jnp.result_type(old) == jnp.result_type(new), (
            "`update` changed the shape or dtype of a leaf of the state"
        )
    for name, value in metrics.items():
        assert jnp.shape(value) == () and bool(jnp.isfinite(value)), f"metric {name} is not a finite scalar"


def state_shapes_do_not_depend_on_rows(labeler: Any) -> None:
    """The state's shapes are the same for more rows, so that a run loads without its data."""
    states = (labeler.init(viewed(example_data(n)), key=KEY) for n in (6, 9))
    small, large = ([leaf.shape for leaf in jax.tree.leaves(eqx.filter(s, eqx.is_array))] for s in states)
    assert small == large, "state shapes depend on the number of rows"


def critic_scores(labeler: Any) -> None:
    """Where `critic` is provided, it gives finite heads for an observation, a target and a context."""
    if "critic" not in labeler.provides:
        return
    data = viewed(example_data())
    state = labeler.init(data, key=KEY)
    label = labeler.label(state, data, INDEX[0], key=KEY)
    for which in ("online", "target"):
        heads = labeler.critic(state, data.take(INDEX[0])["observations"], label.target, label.context, which=which)
        assert heads.ndim == 1 and all_finite(heads), f"the {which} critic must give finite heads of one axis"


CHECKS = (
    labels_are_finite,
    labels_match_what_is_provided,
    labels_are_pure,
    updates_keep_the_state_structure,
    state_shapes_do_not_depend_on_rows,
    critic_scores,
)
