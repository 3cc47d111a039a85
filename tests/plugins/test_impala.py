"""The image network against a loop in NumPy, and that it is used: in policies, critics, and once for all steps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from cfgrl import Agent, Data, Given, Stage, View, init, nn, train
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.events import Binary
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.networks.impala_small import ImpalaSmall, _convolution, _product
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian
from cfgrl_plugins.policies.one_step import OneStep

TINY = ImpalaSmall(stacks=(4, 6), blocks=1, code=16, hidden=(16,))


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    height, width, _ = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    out = np.zeros((height, width, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            out[i, j] = np.einsum("abc,abcd->d", padded[i : i + 3, j : j + 3], kernel) + bias
    return out


def pool(x: np.ndarray) -> np.ndarray:
    """A maximum over 3 x 3 at every second place; an even size is padded at its end only, as TensorFlow's SAME is."""
    height, width, channels = x.shape
    low = [1 if size % 2 else 0 for size in (height, width)]
    out = np.zeros(((height + 1) // 2, (width + 1) // 2, channels))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            top, left = 2 * i - low[0], 2 * j - low[1]
            out[i, j] = x[max(top, 0) : top + 3, max(left, 0) : left + 3].max(axis=(0, 1))
    return out


def by_hand(encoder, image: np.ndarray) -> np.ndarray:
    relu = lambda x: np.maximum(x, 0)  # noqa: E731
    x = image
    for stack in encoder.stacks:
        x = pool(convolve(x, np.asarray(stack.first.kernel), np.asarray(stack.first.bias)))
        for one, other in stack.blocks:
            inner = convolve(relu(x), np.asarray(one.kernel), np.asarray(one.bias))
            x = x + convolve(relu(inner), np.asarray(other.kernel), np.asarray(other.bias))
    flat = np.asarray(encoder.dense.weight) @ relu(x).ravel() + np.asarray(encoder.dense.bias)
    return np.asarray(jax.nn.gelu(flat))


@pytest.mark.parametrize("shape", [(8, 8, 3), (9, 7, 2)])
def test_the_encoder_is_that_of_a_loop(shape: tuple[int, int, int]) -> None:
    encoder = TINY.encoder(shape, key=jax.random.key(0))
    # Zero biases would hide one that is forgotten.
    encoder = jax.tree.map(lambda leaf: leaf + 0.1 if eqx.is_array(leaf) and leaf.ndim == 1 else leaf, encoder)
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    np.testing.assert_allclose(eqx.filter_jit(encoder)(image), by_hand(encoder, image), atol=2e-5)


def test_both_forms_of_a_convolution_are_the_same() -> None:
    x, kernel = jax.random.normal(jax.random.key(0), (6, 5, 3)), jax.random.normal(jax.random.key(1), (3, 3, 3, 4))
    np.testing.assert_allclose(jax.jit(_product)(x, kernel), jax.jit(_convolution)(x, kernel), atol=1e-5)


def test_the_published_sizes() -> None:
    encoder = eqx.filter_eval_shape(lambda key: ImpalaSmall().encoder((64, 64, 3), key=key), jax.random.key(0))
    assert [stack.first.kernel.shape for stack in encoder.stacks] == [(3, 3, 3, 16), (3, 3, 16, 32), (3, 3, 32, 32)]
    assert [len(stack.blocks) for stack in encoder.stacks] == [1, 1, 1]
    assert encoder.dense.weight.shape == (512, 8 * 8 * 32)


def test_vectors_are_read_as_they_are() -> None:
    assert TINY.encoder((5,), key=jax.random.key(0)) is None
    reader = nn.Reader(TINY, jnp.zeros(5), key=jax.random.key(0))
    assert reader.size == 5
    np.testing.assert_array_equal(reader(jnp.arange(5.0)), np.arange(5.0))


def pictures(episodes: int = 6, length: int = 8) -> Data:
    """A bright pixel walks over a small picture; its place is the goal representation."""
    rng = np.random.default_rng(0)
    place, rows, images, actions, terminals = np.array([4, 4]), [], [], [], []
    for _ in range(episodes):
        for step in range(length):
            move = rng.integers(-1, 2, 2)
            image = np.zeros((8, 8, 1), np.uint8)
            image[tuple(place)] = 255
            rows.append(place / 4.0 - 1.0)
            images.append(image)
            actions.append(move * 0.9)
            terminals.append(step == length - 1)
            place = np.clip(place + move, 0, 7)
    floats = (np.asarray(part, np.float32) for part in (actions, rows))
    return Data.from_arrays(np.stack(images), next(floats), np.asarray(terminals), goals=next(floats))


@pytest.mark.parametrize("policy", [FlowMatching(TINY, steps=2), DDPM(TINY), Gaussian(TINY), OneStep(TINY, steps=2)])
def test_every_policy_reads_images(policy) -> None:
    data, agent = pictures(), Agent(Stage(Goals(), policy, Unguided()), View(augment="crop"), batch_size=8)
    before = init(agent, data, key=jax.random.key(0))
    after = train(agent, data, steps=2, key=jax.random.key(0), chunk=2)
    encoders = [
        [leaf for leaf in jax.tree.leaves(state.stages[0].net) if eqx.is_array(leaf) and leaf.ndim == 4]
        for state in (before, after)
    ]
    assert encoders[0] and all(np.any(a != b) for a, b in zip(*encoders, strict=True)), "the encoder is not trained"


def test_a_critic_reads_images() -> None:
    data = pictures()
    agent = Agent(Stage(IQL(TINY, goals=Goals()), FlowMatching(TINY, steps=2), CFG(event=Binary())), batch_size=8)
    state = train(agent, data, steps=2, key=jax.random.key(0), chunk=2)
    critics = state.stages[0].labeler
    assert critics.online.q.reader.size == 16 and critics.online.v.reader.size == 16
    assert jax.tree.leaves(critics.target.reader.encode)


def convolutions(jaxpr, inside: bool = False) -> int:
    """How many convolutions stand inside a loop, in the form that is none on a processor or in the other."""
    count = 0
    for equation in jaxpr.eqns:
        count += inside and equation.primitive.name == "conv_general_dilated"
        for inner in jaxprs_in_params(equation.params):
            count += convolutions(inner, inside or equation.primitive.name == "scan")
    return count


@pytest.mark.parametrize("guidance", [CFG(), Unguided()])
def test_a_sampler_encodes_once_for_all_steps(guidance) -> None:
    data = pictures()
    agent = Agent(Stage(Goals(), FlowMatching(TINY, steps=16), guidance))
    state = init(agent, data, key=jax.random.key(0))
    stage, net = agent.stages[0], state.stages[0].net

    def sample(image, goal, key):
        return stage.guidance.sample(Given(stage.policy, net, image, goal), jnp.float32(2.0), key=key)

    jaxpr = jax.make_jaxpr(sample)(jnp.zeros((8, 8, 1)), jnp.zeros(2), jax.random.key(0)).jaxpr
    assert "conv_general_dilated" in str(jaxpr)
    assert convolutions(jaxpr) == 0
