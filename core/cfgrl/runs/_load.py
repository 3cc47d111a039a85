"""`load`: a trained policy from its run directory alone, without environment, data set or registry."""

import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._errors import CfgrlError, CheckpointError, ConfigError
from cfgrl._stage import Agent, AgentState, init
from cfgrl.acting._compile_cache import keep_compiled
from cfgrl.acting._policy import Policy
from cfgrl.catalogue._component import reason
from cfgrl.config._build import build_agent, build_seeds
from cfgrl.config._run_config import read_config
from cfgrl.data._data import Data
from cfgrl.runs import _checkpoint
from cfgrl.runs._run import RunDirectory

#: Shape and type of a row of each column.
Spec = dict[str, tuple[tuple[int, ...], str]]


def load(
    run: str | os.PathLike[str], *, seed: int | None = None, step: int | None = None, strict: bool = False
) -> Policy:
    """The policy of a run directory, at its newest whole checkpoint.

    **Arguments:**

    - `run`: the directory.
    - `seed`: which agent seed; the first of the run if not given.
    - `step`: another step that lies in `checkpoints/`.
    - `strict`: refuse a broken newest checkpoint instead of taking the one before it.

    **Raises:** `ConfigError` where there is no such run or seed, `CheckpointError` where no checkpoint is whole.
    """
    keep_compiled()
    directory = RunDirectory(run)
    agent, seeds, _, state = load_state(directory, step=step, strict=strict)
    wanted = seeds[0] if seed is None else seed
    if wanted not in seeds:
        raise ConfigError(f"{run} has no agent seed {seed}; it has {', '.join(map(str, seeds))}.")
    position = seeds.index(wanted)
    one = jax.tree.map(lambda leaf: leaf[position] if eqx.is_array(leaf) else leaf, state)
    return Policy(agent, one, _spec(directory))


def seed_keys(seeds: tuple[int, ...]) -> jax.Array:
    """One random key an agent seed, shape `(seeds,)`."""
    return jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32))


def load_state(
    run: RunDirectory, *, step: int | None = None, strict: bool = False, warn: Any = None
) -> tuple[Agent, tuple[int, ...], int, AgentState]:
    """Agent, agent seeds, step and the state that stacks them, from a run directory alone."""
    spec = _spec(run)
    resolved = read_config(run.config)
    agent, seeds = build_agent(resolved), build_seeds(resolved)
    template = _template(run, agent, seeds, spec)
    if step is not None:
        if step not in _checkpoint.steps(run.checkpoints):
            raise ConfigError(f"{run.path} has no checkpoint {step}; it has {_checkpoint.steps(run.checkpoints)}.")
        return agent, seeds, step, _checkpoint.restore(run.checkpoints, step, template)
    found = run.restore(template, strict=strict, warn=warn)
    if found is None:
        raise ConfigError(f"{run.path} has no checkpoint yet; `cfgrl train` with this --run-dir goes on training it.")
    return agent, seeds, *found


def _template(run: RunDirectory, agent: Agent, seeds: tuple[int, ...], spec: Spec) -> AgentState:
    """The shapes of a state. Raises `CheckpointError` if no agent can be made for rows of the shapes in `spec`."""
    try:
        return eqx.filter_eval_shape(lambda key: init(agent, Data.example(spec), key=key), seed_keys(seeds))
    except CfgrlError:
        raise
    except Exception as error:  # The shapes come from a file, and what a component makes of odd ones may be anything.
        raise CheckpointError(
            f"The agent of {run.config} cannot be made for rows of the shapes in {run.manifest_file}: "
            f"{reason(error)}. The two do not belong together; restore them."
        ) from error


def _spec(run: RunDirectory) -> Spec:
    columns = run.manifest()["shapes"]["columns"]
    if missing := [name for name in ("observations", "actions", "goals") if name not in columns]:
        raise CheckpointError(f"{run.manifest_file}: shapes.columns has no {missing[0]}; restore the file.")
    return {name: (tuple(shape), dtype) for name, (shape, dtype) in columns.items()}
