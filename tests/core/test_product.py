"""`product`: W x and all its derivatives, in every nesting that networks meet; in float32 and in bfloat16."""

import dataclasses
import subprocess
import sys
from functools import partial

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import leaves, small_agent, walk

from cfgrl import init, nn, train
from cfgrl.nn._product import one_row, precision, product, stacked

WEIGHT = jax.random.normal(jax.random.key(0), (3, 5))
STACK = jax.random.normal(jax.random.key(1), (2, 3, 5))
ROWS = jax.random.normal(jax.random.key(2), (7, 5))


def plain(weight, x):
    return weight @ x


def rows(f, weight, x):
    return jnp.sum(jnp.sin(jax.vmap(f, (None, 0))(weight, x)))


def heads(f, weight, x):
    def one(x):
        with stacked():
            return jax.vmap(f, (0, None))(weight, x)

    return jnp.sum(jnp.sin(jax.vmap(one)(x)))


def in_a_scan(f, weight, x):
    def walked(x):
        return jax.lax.scan(lambda x, _: (jnp.sin(jnp.pad(f(weight, x), (0, 2))), None), x, None, length=3)[0]

    return jnp.sum(jax.vmap(walked)(x))


DERIVATIVES = {
    "value": lambda f: f,
    "both gradients": partial(jax.grad, argnums=(0, 1)),
    "gradient to the weight": jax.grad,
    "gradient to the input": partial(jax.grad, argnums=1),
    "forward": partial(jax.jacfwd, argnums=(0, 1)),
    "gradient of a gradient": lambda f: jax.grad(lambda w, x: jnp.sum(jax.grad(f, argnums=1)(w, x) ** 2)),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize(("form", "weight"), [(rows, WEIGHT), (heads, STACK), (in_a_scan, WEIGHT)])
def test_values_and_derivatives_are_those_of_a_plain_product(form, weight, derivative):
    of = DERIVATIVES[derivative]
    ours, theirs = (jax.jit(of(partial(form, f)))(weight, ROWS) for f in (product, plain))
    chex.assert_trees_all_close(ours, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_the_form_for_one_row(derivative):
    of = DERIVATIVES[derivative]
    with one_row():
        found = jax.jit(of(partial(in_a_scan, product)))(WEIGHT, ROWS[:1])
    chex.assert_trees_all_close(found, jax.jit(of(partial(in_a_scan, plain)))(WEIGHT, ROWS[:1]), rtol=2e-5, atol=2e-5)


def test_many_agents_side_by_side():
    def loss(weight):
        return rows(product, weight, ROWS) + heads(product, jnp.stack([weight, 2 * weight]), ROWS)

    mapped = jax.vmap(jax.grad(loss))(STACK)
    alone = jnp.stack([jax.grad(loss)(weight) for weight in STACK])
    np.testing.assert_allclose(mapped, alone, rtol=2e-5, atol=2e-5)


def test_bfloat16_rounds_operands_and_gives_back_float32():
    with precision("bfloat16"):
        found = product(WEIGHT, ROWS[0])
        gradient = jax.grad(partial(rows, product))(WEIGHT, ROWS)
    exact = np.asarray(WEIGHT, np.float64) @ np.asarray(ROWS[0], np.float64)
    assert found.dtype == gradient.dtype == jnp.float32
    assert 1e-4 < np.abs(found - exact).max() < 0.05, "rounded, and not more than bfloat16 rounds"
    np.testing.assert_allclose(gradient, jax.grad(partial(rows, plain))(WEIGHT, ROWS), atol=0.2)


def _block(x, weight):
    return jnp.sin(product(weight, x)), None


@pytest.mark.parametrize("first", ["float32", "bfloat16"])
def test_what_jax_remembers_of_a_function_it_remembers_for_one_precision(first):
    """A scan's body of module level is traced once for equal shapes: here once for each precision."""
    other = {"float32": "bfloat16", "bfloat16": "float32"}[first]
    size = {"float32": 6, "bfloat16": 7}[first]

    def text(name):
        with precision(name):
            program = jax.make_jaxpr(lambda x, w: jax.lax.scan(_block, x, w))(
                jnp.zeros(size), jnp.zeros((3, size, size))
            )
        return str(program)

    found = {name: text(name) for name in (first, other)}
    assert "bf16" in found["bfloat16"] and "bf16" not in found["float32"]


def test_an_unknown_precision_is_refused():
    # In a child process, without the types that tests check at run time.
    code = "import cfgrl\ncfgrl.Agent(cfgrl.from_preset('demo').stages, precision='bf16')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        "ConfigError: Agent: precision must be 'float32' or 'bfloat16', not 'bf16'; did you mean 'bfloat16'?"
        in done.stderr
    )


def test_training_in_bfloat16_is_near_and_its_state_is_float32():
    data, key = walk(), jax.random.key(0)
    full = small_agent()
    low = dataclasses.replace(full, precision="bfloat16")
    one, other = (train(agent, data, steps=5, key=key) for agent in (full, low))
    changed = False
    for a, b in zip(leaves(one), leaves(other), strict=True):
        assert a.dtype == b.dtype
        changed |= bool((a != b).any())
    assert changed, "the products were of bfloat16"
    nets = [jax.tree.leaves(state.stages[0].net) for state in (one, other)]
    chex.assert_trees_all_close(*nets, atol=5e-3)


def test_an_ensembles_members_are_what_they_are_alone():
    ensemble = nn.Ensemble(nn.MLP(hidden=(8, 8), layer_norm="after"), 3, 5, 2, key=jax.random.key(0))
    together = jax.vmap(ensemble)(ROWS)
    for i in range(3):
        member = jax.tree.map(lambda leaf, i=i: leaf[i] if eqx.is_array(leaf) else leaf, ensemble.members)
        np.testing.assert_allclose(together[:, i], jax.vmap(member)(ROWS), rtol=2e-5, atol=2e-6)


def test_nothing_of_a_context_outlives_it():
    before = product(WEIGHT, ROWS[0])
    with pytest.raises(ZeroDivisionError), precision("bfloat16"), stacked():
        _ = 1 / 0
    np.testing.assert_array_equal(product(WEIGHT, ROWS[0]), before)
    state = init(small_agent(), walk(), key=jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(state.stages[0].net)} == {jnp.dtype("float32")}
