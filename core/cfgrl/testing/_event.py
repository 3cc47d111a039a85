"""Checks for events, what classifier-free guidance conditions on."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._label import Label
from cfgrl.testing._check import provides, rule
from cfgrl.testing._parts import ACTION, GOAL, all_finite, traces_alike

KEY, BATCH = jax.random.key(0), 8


def _labels() -> Label:
    advantages = jnp.linspace(-2.0, 2.0, BATCH)
    return jax.vmap(Label)(jnp.zeros((BATCH, ACTION)), jnp.ones((BATCH, GOAL)), advantages)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(jnp.shape, tree)


@rule()
def serves_a_form_of_training(event: Any) -> None:
    """It provides `marks`, `factor` or both, and nothing else."""
    known = {"marks", "factor"}
    said = sorted(event.provides)
    assert said and event.provides <= known, f"`provides` is {said}, not `marks`, `factor` or both"


@rule(provides("marks"))
def marks_are_shaped_like_what_is_wanted(event: Any) -> None:
    """Each example of a batch is marked by finite numbers in the shape of `wanted`, or both are `None`."""
    marks, wanted = event.marks(_labels(), key=KEY), event.wanted
    if wanted is None or marks is None:
        assert wanted is marks is None, "`wanted` and `marks` must both be None if the event is part of the label"
        return
    shapes = jnp.shape(marks), (BATCH, *jnp.shape(wanted))
    assert shapes[0] == shapes[1], f"marks of {BATCH} examples have shape {shapes[0]}, `wanted` asks for {shapes[1]}"
    assert all_finite((marks, wanted)), "a mark is not finite"


@rule(provides("factor"))
def factors_are_finite_and_not_negative(event: Any) -> None:
    """f(A) is one finite number of at least 0 for each example."""
    factor = event.factor(_labels(), key=KEY)
    assert jnp.shape(factor) == (BATCH,), f"the factors of {BATCH} examples have shape {jnp.shape(factor)}"
    assert all_finite(factor) and bool(jnp.all(factor >= 0)), "a factor is negative or not finite"


@rule()
def knowing_changes_values_only(event: Any) -> None:
    """Whether the event is known changes the condition's values, never its structure; `unguided` has the same one."""
    mark, context = (event.wanted if "marks" in event.provides else jnp.ones((1,))), jnp.ones((GOAL,))
    known, unknown = (event.condition(context, mark, known) for known in (True, False))
    shapes = [_shapes(condition) for condition in (known, unknown, event.unguided(context, mark))]
    assert shapes[0] == shapes[1] == shapes[2], "conditions differ in structure"
    assert not eqx.tree_equal(known, unknown), "known or not, the condition is the same: there is nothing to guide by"


@rule()
def events_draw_from_the_key_only(event: Any) -> None:
    """Traced twice, `marks` and `factor` give the same programs."""
    for name in sorted(event.provides):
        method = getattr(event, name)
        alike = traces_alike(lambda label, method=method: method(label, key=KEY), _labels())
        assert alike, f"a second trace of `{name}` gives another program; draw from `key` only"


CHECKS = (
    serves_a_form_of_training,
    marks_are_shaped_like_what_is_wanted,
    factors_are_finite_and_not_negative,
    knowing_changes_values_only,
    events_draw_from_the_key_only,
)
