"""Checks for generative policies."""

import inspect
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._label import Condition
from cfgrl._policy import FieldPolicy, GenerativePolicy
from cfgrl.testing._check import provides, rule
from cfgrl.testing._memo import once
from cfgrl.testing._parts import ACTION, GOAL, OBSERVATION, all_finite, close, floats_are_float32, same, stirred

KEY = jax.random.key(0)
SEEN, TARGET = jnp.full((OBSERVATION,), 0.3), jnp.full((ACTION,), -0.2)
CONDITION = Condition.of(jnp.ones((GOAL,)))


def net_of(policy: Any, target: Any = TARGET, condition: Condition = CONDITION) -> Any:
    """Initial parameters, from shapes alone."""
    shapes = eqx.filter_eval_shape(lambda: (SEEN, target, condition))
    return policy.init(*shapes, key=KEY)


def _net(policy: Any) -> Any:
    """The same for the usual shapes, made once."""
    return once(policy, "net", lambda: net_of(policy))


def _draw(policy: Any) -> Any:
    """`keys -> samples`, compiled once for each number of keys."""
    net = _net(policy)
    draw = lambda keys: jax.vmap(lambda k: policy.sample(net, SEEN, CONDITION, key=k))(keys)  # noqa: E731
    return once(policy, "draw", lambda: eqx.filter_jit(draw))


@rule()
def parameters_from_shapes(policy: Any) -> None:
    """`init` needs shapes only, gives finite float32 parameters, and the same ones for the same key."""
    net = net_of(policy)
    assert all_finite(net), "initial parameters are not finite"
    wrong = floats_are_float32(eqx.filter(net, eqx.is_inexact_array))
    assert not wrong, f"parameters are float32; found {wrong}"
    assert same(net, net_of(policy)), "the same key gave different parameters"


@rule()
def loss_is_a_finite_scalar_with_a_gradient(policy: Any) -> None:
    """The loss under `jit` is a finite scalar; its gradient is finite and not zero everywhere."""
    net = _net(policy)
    loss, gradient = eqx.filter_jit(
        eqx.filter_value_and_grad(lambda net: policy.loss(net, SEEN, TARGET, CONDITION, key=KEY))
    )(net)
    fine = jnp.shape(loss) == () and loss.dtype == jnp.float32 and bool(jnp.isfinite(loss))
    assert fine, f"the loss is not a finite float32 scalar but {loss}"
    assert all_finite(gradient), "the gradient is not finite"
    size = sum(float(jnp.sum(jnp.abs(leaf))) for leaf in jax.tree.leaves(gradient))
    assert size > 0, "the gradient is zero everywhere: nothing would be learnt"


@rule()
def samples_depend_on_the_key_alone(policy: Any) -> None:
    """Samples have the target's shape, are finite, repeat for the same key and differ for another; under `vmap`."""
    draw, keys = _draw(policy), jax.random.split(KEY, 3)
    first, second = draw(keys), draw(keys)
    assert first.shape == (3, ACTION), f"a sample has shape {first.shape[1:]}, the target {(ACTION,)}"
    assert all_finite(first), "a sample is not finite"
    assert first.dtype == jnp.float32, f"a sample is {first.dtype}, not float32"
    assert same(first, second), "the same key gave two different samples"
    if bool(jnp.all(first[0] == first[1])):  # Right for a policy that always acts by its mode, and for no other.
        alike = "mode" in policy.provides and close(first[0], policy.mode(_net(policy), SEEN, CONDITION))
        assert alike, "different keys gave the same sample"


@rule()
def samples_of_a_batch_are_those_of_each(policy: Any) -> None:
    """A sample does not depend on those beside it: mapped over keys it is what it is alone."""
    net, keys = _net(policy), jax.random.split(KEY, 3)
    alone = eqx.filter_jit(lambda key: policy.sample(net, SEEN, CONDITION, key=key))(keys[1])
    assert close(_draw(policy)(keys)[1], alone), "in a batch a sample is another"


@rule()
def other_sizes_work(policy: Any) -> None:
    """One action component, seven, no context: shapes are what `init` was told, and nothing else."""
    for size, condition in ((1, CONDITION), (7, Condition.of(None))):
        target = jnp.full((size,), 0.1)
        net = eqx.filter_eval_shape(net_of, policy, target, condition)
        loss = eqx.filter_eval_shape(policy.loss, net, SEEN, target, condition, key=KEY)
        sample = eqx.filter_eval_shape(policy.sample, net, SEEN, condition, key=KEY)
        assert loss.shape == () and sample.shape == (size,), f"a target of {size} gives a sample of {sample.shape}"


@rule()
def the_null_hides_the_context(policy: Any) -> None:
    """With `context_known` false the context makes no difference; with true it does."""
    net = stirred(_net(policy))  # A last layer of zeros hides everything before training.

    # Several, because clamped samples of an untrained network can lie in the same corner of the box by chance.
    keys, one, hidden = jax.random.split(KEY, 16), jnp.float32(1.0), jnp.asarray(False)

    @eqx.filter_jit
    def sample(value: Any, known: Any) -> Any:
        condition = Condition.of(jnp.full((GOAL,), value), known=known)
        return jax.vmap(lambda key: policy.sample(net, SEEN, condition, key=key))(keys)

    assert same(sample(one, hidden), sample(-one, hidden)), "a nulled context still reaches the network"
    assert not same(sample(one, ~hidden), sample(-one, ~hidden)), "a known context does not reach the network"


@rule()
def what_it_can_is_provided(policy: Any) -> None:
    """A `mode` or density that is written is also named in `provides`, and nothing is named that is not written."""
    cls = type(policy)
    depends = isinstance(inspect.getattr_static(cls, "provides"), property)  # on fields, such as a wrapped policy
    written = {
        "mode": cls.mode is not GenerativePolicy.mode,
        "log-prob": cls.log_prob not in (GenerativePolicy.log_prob, FieldPolicy.log_prob)
        or getattr(cls, "field_log_prob", None) not in (None, FieldPolicy.field_log_prob),
    }
    for name, has in written.items():
        claims = name in policy.provides
        assert has or not claims, f"`{name}` is provided, but its method is not written"
        assert claims or depends or not has, f"the method for `{name}` is written, but `provides` does not say so"


@rule(lambda policy: "field" in policy.provides or isinstance(policy, FieldPolicy))
def field_is_what_is_integrated(policy: Any) -> None:
    """`field` is claimed exactly by field policies, and integrating the field is sampling."""
    claims, is_one = "field" in policy.provides, isinstance(policy, FieldPolicy)
    assert claims == is_one, "`field` must be provided by subclasses of FieldPolicy and by nobody else"
    net = _net(policy)
    field = policy.field(net, SEEN, CONDITION)
    prediction = field(TARGET, jnp.float32(0.5))
    assert prediction.shape == TARGET.shape and all_finite(prediction), "the field's prediction is not a target"
    integrated = policy.integrate(net, field, key=KEY)
    alike = jnp.allclose(integrated, policy.sample(net, SEEN, CONDITION, key=KEY), atol=1e-5)
    assert bool(alike), "integrating the policy's own field is not its sample"


@rule(lambda policy: isinstance(policy, FieldPolicy))
def tilt_adds_nothing_for_no_score(policy: Any) -> None:
    """`tilt` by a zero score changes nothing, by another it does; `denoise` has the target's shape."""
    prediction, t = policy.field(_net(policy), SEEN, CONDITION)(TARGET, jnp.float32(0.5)), jnp.float32(0.5)
    unchanged = policy.tilt(prediction, TARGET, t, jnp.zeros_like(TARGET))
    assert bool(jnp.allclose(unchanged, prediction)), "tilting by a zero score changes the prediction"
    assert not bool(jnp.allclose(policy.tilt(prediction, TARGET, t, jnp.ones_like(TARGET)), prediction)), (
        "tilting by a score changes nothing"
    )
    assert policy.denoise(prediction, TARGET, t).shape == TARGET.shape, "`denoise` does not give a target"


@rule(provides("mode"))
def mode_is_deterministic(policy: Any) -> None:
    """Where `mode` is provided, it gives a finite target, always the same."""
    net = _net(policy)
    mode = policy.mode(net, SEEN, CONDITION)
    assert mode.shape == (ACTION,) and all_finite(mode), "`mode` must give a finite target"
    assert same(mode, policy.mode(net, SEEN, CONDITION)), "`mode` gave two different targets"


@rule(lambda policy: {"mode", "log-prob"} <= policy.provides)
def mode_is_likely(policy: Any) -> None:
    """No sample has a higher density than the mode."""
    net = _net(policy)
    samples = _draw(policy)(jax.random.split(KEY, 16))
    density = eqx.filter_jit(lambda x: policy.log_prob(net, SEEN, CONDITION, x))
    best = max(float(density(x)) for x in samples)
    assert float(density(policy.mode(net, SEEN, CONDITION))) >= best - 1e-4, "a sample is more likely than the mode"


@rule(provides("log-prob"))
def density_is_one_in_all(policy: Any) -> None:
    """Over a line of one-dimensional targets the density integrates to one."""
    net = net_of(policy, jnp.zeros((1,)))
    log_density = eqx.filter_jit(jax.vmap(lambda x: policy.log_prob(net, SEEN, CONDITION, x[None])))
    for points in (161, 961):  # A coarse line first; only where that is not enough, a fine one.
        line = jnp.linspace(-10.0, 10.0, points)
        found = log_density(line)
        assert found.shape == line.shape, "`log_prob` is one number for a target"
        # NaN stands for a target that no sample can be.
        total = float(jnp.sum(jnp.nan_to_num(jnp.exp(found))) * (line[1] - line[0]))
        if abs(total - 1.0) < 0.02:
            return
    raise AssertionError(f"exp(log_prob) integrates to {total:.3f} and is no density")


CHECKS = (
    parameters_from_shapes,
    loss_is_a_finite_scalar_with_a_gradient,
    samples_depend_on_the_key_alone,
    samples_of_a_batch_are_those_of_each,
    other_sizes_work,
    the_null_hides_the_context,
    what_it_can_is_provided,
    field_is_what_is_integrated,
    tilt_adds_nothing_for_no_score,
    mode_is_deterministic,
    mode_is_likely,
    density_is_one_in_all,
)
