"""Data on the host and data on the device: the same bits, whoever reads them and however."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import assert_same_bits, small_agent, walk

from cfgrl import Agent, Data, Stage, View, init, nn, place, train, train_chunk
from cfgrl._train import validation_loss
from cfgrl.data._streamed import Streamed
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.events import Binary
from cfgrl_plugins.guidance.q_gradient import QGradient
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.labelers.q_learning import QLearning
from cfgrl_plugins.networks.impala_small import ImpalaSmall
from cfgrl_plugins.policies.flow_matching import FlowMatching

# Compiled as users compile: what the compiler fuses is what could make a difference.


def test_rows_are_those_of_an_array_on_the_device() -> None:
    column = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    streamed = Streamed(column)
    for index in (jnp.asarray(3), jnp.asarray([0, 6, 6]), jnp.asarray([[1, -1], [9, -20]])):
        expected = jnp.asarray(column)[index]
        np.testing.assert_array_equal(streamed[index], expected)
        np.testing.assert_array_equal(jax.jit(lambda i: streamed[i])(index), expected)
    many = jnp.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(jax.vmap(jax.vmap(lambda i: streamed[i]))(many), column[np.arange(6).reshape(2, 3)])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int32, np.bool_])
def test_the_type_of_a_column_stays(dtype) -> None:
    column = np.arange(12).reshape(4, 3).astype(dtype)
    assert Streamed(column)[jnp.asarray([1])].dtype == dtype


def test_one_read_asks_the_host_once_and_unread_columns_never() -> None:
    asked = []

    class Counted(Streamed):
        def _gather(self, index):
            asked.append(np.shape(index))
            return super()._gather(index)

    data = walk()
    columns = {name: Counted(np.asarray(column)) for name, column in data.columns.items()}
    counted = Data(columns, jnp.asarray(data.last), jnp.asarray(data.transitions))
    labels = jax.jit(lambda index: jax.vmap(lambda i: counted.take(i)["actions"])(index))
    jax.block_until_ready(labels(jnp.arange(16)))
    assert asked == [(16,)]


def with_rewards() -> Data:
    data = walk()
    rewards = np.random.default_rng(1).normal(size=len(data.last)).astype(np.float32)
    return Data({**data.columns, "rewards": rewards, "masks": np.ones_like(rewards)}, data.last, data.transitions)


def agents() -> dict[str, Agent]:
    small, head = nn.MLP(hidden=(16,)), nn.MLP(hidden=(16,), layer_norm="after")
    ql = Stage(QLearning(head), FlowMatching(small, steps=2), QGradient())
    iql = Stage(IQL(head), FlowMatching(small, steps=2), CFG(event=Binary()))
    return {
        "goals": small_agent(normalize=True),
        "chunks": Agent(Stage(Goals(chunk=3), FlowMatching(small, steps=2), CFG()), View(frame_stack=3), batch_size=16),
        "critic": Agent(iql, batch_size=16),
        "actor and critic": Agent(ql, View(normalize=True, reward_scale=0.3), batch_size=16),
    }


@pytest.mark.parametrize(
    ("name", "seeds"),
    [("chunks", 2), ("actor and critic", 1), pytest.param("critic", 2, marks=pytest.mark.soak)],
)
def test_training_gives_the_same_bits(name: str, seeds: int) -> None:
    agent, data = agents()[name], with_rewards()
    keys = jax.random.split(jax.random.key(0), seeds)
    found = []
    for residency in ("device", "host"):
        placed = place(data, residency=residency).data
        state = init(agent, placed, key=keys)
        state, chunk = train_chunk(agent, placed, state, 20)
        loss = validation_loss(agent, placed, state, jax.random.key(1))
        found.append((state, chunk.metrics, loss))
    assert_same_bits(*found)


def test_pictures_give_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    ends = np.tile([0.0] * 9 + [1.0], 4)
    goals = rng.normal(size=(40, 2)).astype(np.float32)
    data = Data.from_arrays(pictures, rng.uniform(-1, 1, (40, 2)).astype(np.float32), ends, goals=goals)
    network = ImpalaSmall(stacks=(4,), code=8, hidden=(8,))
    view = View(augment="crop", frame_stack=2, normalize=True)
    agent = Agent(Stage(Goals(), FlowMatching(network, steps=2), CFG()), view, batch_size=8)
    found = []
    for residency in ("device", "host"):
        placed = place(data, residency=residency).data
        state, chunk = train_chunk(agent, placed, init(agent, placed, key=jax.random.key(0)), 10)
        found.append((state, chunk.metrics))
    assert_same_bits(*found)


def test_train_takes_streamed_data() -> None:
    data = walk()
    agent = small_agent()
    streamed = train(agent, place(data, residency="host").data, steps=4, key=jax.random.key(0), chunk=2)
    assert_same_bits(streamed, train(agent, data, steps=4, key=jax.random.key(0), chunk=2))


def test_a_budget_decides_and_a_word_overrides_it() -> None:
    data = walk()  # 108 rows of 2 + 2 numbers; goals are the observations, and counted once
    size = 108 * 4 * 4
    assert all(isinstance(c, jax.Array) for c in place(data, budget=size).data.columns.values())
    streamed, note = place(data, budget=size - 1)
    assert all(isinstance(c, Streamed) for c in streamed.columns.values())
    assert note == "data streamed from the host (0 MiB, budget 0 MiB)"
    assert place(data, residency="device", budget=1).note == "data on the device (0 MiB, train.residency is 'device')"
    assert isinstance(place(data, residency="host").data.columns["actions"], Streamed)
    assert "budget" in place(data).note


@pytest.mark.parametrize("residency", ["device", "host"])
def test_what_is_one_array_stays_one(residency: str) -> None:
    placed = place(walk(), residency=residency).data
    assert placed.columns["goals"] is placed.columns["observations"]


def test_memory_maps_are_not_read_whole(tmp_path) -> None:
    """A map whose file is larger than what is on disk: reading it all would take all of its 2 GiB."""
    path = tmp_path / "pixels"
    with open(path, "wb") as file:
        file.truncate(2 << 30)
    rows = (2 << 30) // (64 * 64 * 4)
    pixels = np.memmap(path, np.uint8, "r", shape=(rows, 64, 64, 4))
    terminals = np.zeros(rows)
    terminals[99::100] = terminals[-1] = 1
    before = resident()
    goals = np.zeros((rows, 2), np.float32)
    data = Data.from_arrays(pixels, np.zeros((rows, 1), np.float32), terminals, goals=goals)
    placed = place(data, residency="host").data
    view = View(frame_stack=2, augment="crop")
    viewed = view.bind(view.fit(placed), placed, key=jax.random.key(0))
    seen = eqx.filter_jit(lambda index: viewed.take(index)["observations"])(jnp.arange(0, rows, rows // 64))
    assert seen.shape[1:] == (64, 64, 8)
    assert resident() - before < 600 << 20


def resident() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon"))
