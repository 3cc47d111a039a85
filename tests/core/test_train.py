"""Training: what a chunk does, and that neither its length nor an interruption changes a bit."""

import dataclasses

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import assert_same_bits, leaves, small_agent, walk

from cfgrl import EMA, Data, NumericError, Stage, _train, init, train, train_chunk
from cfgrl._train import validation_loss


def test_training_is_the_same_whatever_the_chunk_length():
    agent, data, key = small_agent(), walk(), jax.random.key(3)
    whole = train(agent, data, steps=12, key=key, chunk=12)
    assert_same_bits(whole, train(agent, data, steps=12, key=key, chunk=5))


def test_chunks_of_any_length_share_one_program(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_train, "update", chex.assert_max_traces(_train.update, n=2))  # one for each capacity below
    chex.clear_trace_counter()
    agent, data = small_agent(), jax.device_put(walk(episodes=5))
    state, found = init(agent, data, key=jax.random.key(0)), []
    for n in (1, 7, 4):
        state, chunk = train_chunk(agent, data, state, n, capacity=7)
        loss = np.asarray(chunk.metrics["main/guidance/loss"])
        assert loss.shape == (7,) and (loss[:n] > 0).all() and (loss[n:] == 0).all()
        found.append(loss[:n])
    _, whole = train_chunk(agent, data, init(agent, data, key=jax.random.key(0)), 12)
    np.testing.assert_array_equal(np.concatenate(found), whole.metrics["main/guidance/loss"])
    with pytest.raises(ValueError, match="chunk of 8 updates does not fit a capacity of 7"):
        train_chunk(agent, data, state, 8, capacity=7)


def test_train_2n_equals_train_n_stop_resume_n():
    agent, data, key = small_agent(normalize=True), walk(), jax.random.key(3)
    half = train(agent, data, steps=10, key=key)
    resumed = train(agent, data, steps=10, key=key, state=half)
    assert_same_bits(train(agent, data, steps=20, key=key), resumed)
    assert int(half.step) == 10, "the caller's state stays usable"


def test_another_key_gives_another_policy():
    agent, data = small_agent(), walk()
    a, b = (train(agent, data, steps=3, key=jax.random.key(k)) for k in (0, 1))
    assert any((x != y).any() for x, y in zip(leaves(a.stages), leaves(b.stages), strict=True))


def test_a_seed_among_others_gives_the_bits_it_gives_alone():
    agent, data = small_agent(), walk()
    keys = jax.vmap(jax.random.key)(jnp.arange(3))
    together = train(agent, data, steps=6, key=keys)
    for seed in range(3):
        alone = train(agent, data, steps=6, key=keys[seed])
        for x, y in zip(leaves(together.stages), leaves(alone.stages), strict=True):
            np.testing.assert_array_equal(x[seed], y)


def test_seeds_side_by_side_as_on_a_device_of_its_own(monkeypatch: pytest.MonkeyPatch):
    agent, data, keys = small_agent(batch_size=12), walk(), jax.random.split(jax.random.key(0), 3)
    expected, before = train_chunk(agent, data, init(agent, data, key=keys), 2, capacity=3)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    jax.clear_caches()  # what was traced in turn
    found, chunk = train_chunk(agent, data, init(agent, data, key=keys), 2, capacity=3)
    jax.clear_caches()
    assert all(value.shape == (3, 3) for value in chunk.metrics.values()) and chunk.first_bad.tolist() == [-1] * 3
    for x, y in zip(leaves((found, chunk)), leaves((expected, before)), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-4, atol=2e-5)


def test_the_loss_falls_on_what_can_be_learned():
    agent, data = small_agent(hidden=(64, 64), batch_size=64), walk(episodes=200)
    state = init(agent, data, key=jax.random.key(0))
    data = jax.device_put(data)
    state, first = train_chunk(agent, data, state, 200)
    for _ in range(9):
        state, last = train_chunk(agent, data, state, 200)
    assert last.metrics["main/guidance/loss"].mean() < 0.9 * first.metrics["main/guidance/loss"].mean()


def test_validation_updates_nothing_and_repeats():
    agent, data = small_agent(), walk()
    state = train(agent, data, steps=3, key=jax.random.key(0))
    before = [leaf.copy() for leaf in leaves(state)]
    losses = [validation_loss(agent, data, state, jax.random.key(5)) for _ in range(2)]
    assert losses[0]["main/validation/loss"] == losses[1]["main/validation/loss"] > 0
    assert all((x == y).all() for x, y in zip(before, leaves(state), strict=True))


def test_a_loss_that_is_not_finite_names_its_first_update():
    agent = small_agent()
    data = walk()
    poisoned = dict(data.columns)
    poisoned["actions"] = np.where(np.arange(len(data.last))[:, None] >= 0, np.nan, data.columns["actions"])
    with pytest.raises(NumericError, match="update 0 "):
        train(agent, Data(poisoned, data.last, data.transitions), steps=4, key=jax.random.key(0))


def test_a_loss_that_turns_bad_later_names_that_update():
    agent, data = small_agent(), walk()
    bad_rate = eqx.tree_at(lambda a: a.stages[0].optimizer.learning_rate, agent, jnp.float32(1e38))
    with pytest.raises(NumericError, match=r"update [1-9]"):
        train(bad_rate, data, steps=50, key=jax.random.key(0))


def test_another_hyperparameter_compiles_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_train, "update", chex.assert_max_traces(_train.update, n=1))
    chex.clear_trace_counter()
    data = jax.device_put(walk(episodes=7))
    for weight, dropout, rate in ((1.0, 0.1, 1e-3), (2.0, 0.3, 1e-4)):
        agent = small_agent(weight=weight, dropout=dropout)
        agent = eqx.tree_at(lambda a: a.stages[0].optimizer.learning_rate, agent, jnp.float32(rate))
        train_chunk(agent, data, init(agent, data, key=jax.random.key(0)), 3)


def test_an_average_starts_as_a_copy_and_follows_slowly():
    agent, data = small_agent(), walk()
    stage: Stage = dataclasses.replace(agent.stages[0], ema=EMA(decay=0.9, every=2, start=2))
    averaged = dataclasses.replace(agent, stages=(stage,))
    state = train(averaged, data, steps=2, key=jax.random.key(0))
    assert_same_bits(state.stages[0].ema, state.stages[0].net)
    later = train(averaged, data, steps=2, key=jax.random.key(0), state=state)
    for old, new, mean in zip(
        *(leaves(s) for s in (state.stages[0].ema, later.stages[0].net, later.stages[0].ema)), strict=True
    ):
        np.testing.assert_allclose(mean, 0.9 * old + 0.1 * new, rtol=1e-5, atol=1e-6)


def test_the_average_acts_where_it_is_asked_to():
    agent, data = small_agent(), walk()
    for acts in (True, False):
        stage = dataclasses.replace(agent.stages[0], ema=EMA(decay=0.5, acts=acts))
        state = train(dataclasses.replace(agent, stages=(stage,)), data, steps=3, key=jax.random.key(0)).stages[0]
        assert_same_bits(state.acting(stage), state.ema if acts else state.net)
