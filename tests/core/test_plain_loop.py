"""The loss of a training run, against a second implementation that shares no code with the first."""

import jax
import numpy as np
import plain_loop
from toys import walk

from cfgrl import init


def test_the_loss_curve_is_that_of_an_independent_loop():
    data = walk(episodes=40, length=21)
    agent = plain_loop.agent((32, 32), 64)
    state = init(agent, data, key=jax.random.key(4))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        plain = plain_loop.plain_curve(data, state, 60, 64, every=5)
    ours = plain_loop.library_curve(agent, data, state, 60, every=5)
    np.testing.assert_allclose(ours, plain, rtol=1e-4)
    assert abs(plain[-1] / plain[0] - 1) > 0.01, "the curve moves, so that a frozen network would show"
