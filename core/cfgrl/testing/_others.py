"""Checks for networks and data sets."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl.testing._parts import all_finite, same

KEY = jax.random.key(0)


def network_maps_sizes(network: Any) -> None:
    """`init(5, 3)` gives a callable from shape (5,) to finite numbers of shape (3,), under `jit` and `vmap`."""
    net = network.init(5, 3, key=KEY)
    out = eqx.filter_jit(lambda x: jax.vmap(net)(x))(jnp.ones((4, 5)))
    assert out.shape == (4, 3) and all_finite(out), (
        f"the network gives shape {out.shape[1:]}, not (3,), or is not finite"
    )


def network_repeats(network: Any) -> None:
    """The same key gives the same parameters."""
    assert same(network.init(5, 3, key=KEY), network.init(5, 3, key=KEY)), "the same key gave different parameters"


def network_learns(network: Any) -> None:
    """The gradient reaches every parameter array."""
    net = network.init(5, 3, key=KEY)
    gradient = eqx.filter_grad(lambda n: jnp.sum(n(jnp.arange(5.0)) ** 2))(net)
    leaves = jax.tree.leaves(gradient)
    assert leaves and all_finite(gradient), "the network has no parameters, or its gradient is not finite"


def catalogue_is_readable(dataset: Any) -> None:
    """`catalogue` maps names to one-line summaries."""
    for name, summary in type(dataset).catalogue.items():
        assert isinstance(name, str) and summary.strip() and "\n" not in summary, (
            f"catalogue entry {name} has no summary"
        )


def tasks_have_environments(dataset: Any) -> None:
    """Tasks are distinct names, and where there are tasks there is an environment that plays them by the seed."""
    tasks = dataset.tasks
    assert len(set(tasks)) == len(tasks) and all(isinstance(task, str) for task in tasks), (
        "tasks must be distinct names"
    )
    if not tasks:
        return
    environment = dataset.environment()
    assert environment is not None, "there are tasks but no environment"
    try:
        first, goal = environment.reset(tasks[0], 3)
        environment.reset(tasks[-1], 4)
        again, same_goal = environment.reset(tasks[0], 3)
        assert (first == again).all(), "the same seed began two different episodes"
        assert goal is None or (goal == same_goal).all(), "the same seed gave two different goals"
    finally:
        environment.close()


NETWORK_CHECKS = (network_maps_sizes, network_repeats, network_learns)
DATASET_CHECKS = (catalogue_is_readable, tasks_have_environments)
