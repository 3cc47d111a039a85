"""Checks for generative policies."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._label import Condition
from cfgrl._policy import FieldPolicy
from cfgrl.testing._parts import ACTION, GOAL, OBSERVATION, all_finite, same

KEY = jax.random.key(0)
SEEN, TARGET = jnp.full((OBSERVATION,), 0.3), jnp.full((ACTION,), -0.2)
CONDITION = Condition.of(jnp.ones((GOAL,)))


def _net(policy: Any) -> Any:
    shapes = jax.eval_shape(lambda: (SEEN, TARGET, CONDITION))
    return policy.init(*shapes, key=KEY)


def parameters_from_shapes(policy: Any) -> None:
    """`init` needs shapes only, gives finite parameters, and the same ones for the same key."""
    assert all_finite(_net(policy)), "initial parameters are not finite"
    assert same(_net(policy), _net(policy)), "the same key gave different parameters"


def loss_is_a_finite_scalar_with_a_gradient(policy: Any) -> None:
    """The loss under `jit` is a finite scalar; its gradient is finite and not zero everywhere."""
    net = _net(policy)
    loss, gradient = eqx.filter_jit(
        eqx.filter_value_and_grad(lambda net: policy.loss(net, SEEN, TARGET, CONDITION, key=KEY))
    )(net)
    assert jnp.shape(loss) == () and bool(jnp.isfinite(loss)), "the loss is not a finite scalar"
    assert all_finite(gradient), "the gradient is not finite"
    size = sum(float(jnp.sum(jnp.abs(leaf))) for leaf in jax.tree.leaves(gradient))
    assert size > 0, "the gradient is zero everywhere: nothing would be learnt"


def samples_depend_on_the_key_alone(policy: Any) -> None:
    """Samples have the target's shape, are finite, repeat for the same key and differ for another; under `vmap`."""
    net = _net(policy)
    draw = eqx.filter_jit(lambda keys: jax.vmap(lambda k: policy.sample(net, SEEN, CONDITION, key=k))(keys))
    keys = jax.random.split(KEY, 3)
    first, second = draw(keys), draw(keys)
    assert first.shape == (3, ACTION), f"a sample has shape {first.shape[1:]}, the target {(ACTION,)}"
    assert all_finite(first), "a sample is not finite"
    assert same(first, second), "the same key gave two different samples"
    assert bool(jnp.any(first[0] != first[1])), "different keys gave the same sample"


def the_null_hides_the_context(policy: Any) -> None:
    """With `context_known` false the context makes no difference; with true it does."""
    net = _net(policy)

    # Several, because clamped samples of an untrained network can lie in the same corner of the box by chance.
    keys = jax.random.split(KEY, 16)

    def sample(value: float, known: bool) -> Any:
        condition = Condition.of(jnp.full((GOAL,), value), known=known)
        return jax.vmap(lambda key: policy.sample(net, SEEN, condition, key=key))(keys)

    assert same(sample(1.0, False), sample(-1.0, False)), "a nulled context still reaches the network"
    assert not same(sample(1.0, True), sample(-1.0, True)), "a known context does not reach the network"


def field_is_what_is_integrated(policy: Any) -> None:
    """`field` is claimed exactly by field policies, and integrating the field is sampling."""
    claims, is_one = "field" in policy.provides, isinstance(policy, FieldPolicy)
    assert claims == is_one, "`field` must be provided by subclasses of FieldPolicy and by nobody else"
    if isinstance(policy, FieldPolicy):
        net = _net(policy)
        field = policy.field(net, SEEN, CONDITION)
        prediction = field(TARGET, jnp.float32(0.5))
        assert prediction.shape == TARGET.shape and all_finite(prediction), "the field's prediction is not a target"
        close = jnp.allclose(
            policy.integrate(net, field, key=KEY), policy.sample(net, SEEN, CONDITION, key=KEY), atol=1e-5
        )
        assert bool(close), "integrating the policy's own field is not its sample"


def tilt_adds_nothing_for_no_score(policy: Any) -> None:
    """`tilt` by a zero score changes nothing, by another it does; `denoise` has the target's shape."""
    if not isinstance(policy, FieldPolicy):
        return
    prediction, t = policy.field(_net(policy), SEEN, CONDITION)(TARGET, jnp.float32(0.5)), jnp.float32(0.5)
    unchanged = policy.tilt(prediction, TARGET, t, jnp.zeros_like(TARGET))
    assert bool(jnp.allclose(unchanged, prediction)), "tilting by a zero score changes the prediction"
    assert not bool(jnp.allclose(policy.tilt(prediction, TARGET, t, jnp.ones_like(TARGET)), prediction)), (
        "tilting by a score changes nothing"
    )
    assert policy.denoise(prediction, TARGET, t).shape == TARGET.shape, "`denoise` does not give a target"


def mode_is_deterministic(policy: Any) -> None:
    """Where `mode` is provided, it gives a finite target."""
    if "mode" in policy.provides:
        mode = policy.mode(_net(policy), SEEN, CONDITION)
        assert mode.shape == (ACTION,) and all_finite(mode), "`mode` must give a finite target"
        assert same(mode, policy.mode(_net(policy), SEEN, CONDITION)), "`mode` gave two different targets"


CHECKS = (
    parameters_from_shapes,
    loss_is_a_finite_scalar_with_a_gradient,
    samples_depend_on_the_key_alone,
    the_null_hides_the_context,
    field_is_what_is_integrated,
    tilt_adds_nothing_for_no_score,
    mode_is_deterministic,
)
