"""Strictness for every test: types and shapes checked at run time, silent promotions refused, warnings as errors.

The size of XLA's thread pool decides the bits of a result, so it is pinned before jax is imported, here and for the
child processes of tests, which inherit the environment. So is the folder of compiled programs: one for the session,
so that a test neither reads nor fills the user's, and processes that compile the same need not all do so.
"""

import atexit
import gc
import itertools
import os
import shutil
import tempfile

os.environ["PJRT_NPROC"] = "2"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="cfgrl-programs-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

from jaxtyping import install_import_hook  # noqa: E402

install_import_hook(["cfgrl", "cfgrl_plugins"], "beartype.beartype")

from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402

import jax  # noqa: E402
import optax  # noqa: E402
import pytest  # noqa: E402

# For child processes, which read it when they import jax: a run compiles fifty small programs before its first update,
# and many tests begin one. Here, where little is compiled twice, writing them all would take longer than it saves.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def _adam(*args: Any, make: Callable[..., optax.GradientTransformation] = optax.adam, **kwargs: Any) -> Any:
    """Optax's Adam raises a float to an integer's power, which strict promotion refuses: its code, not ours."""
    transformation = make(*args, **kwargs)

    def update(*args: Any, **kwargs: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return transformation.update(*args, **kwargs)

    return optax.GradientTransformation(transformation.init, update)


optax.adam = _adam


@pytest.fixture
def quick_compile() -> Iterator[None]:
    """For tests that compile much and compute little: the compiler leaves out its expensive passes."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


#: Each compiled program maps some memory, and Linux gives a process 65,530 maps: beyond that the compiler crashes.
_MANY_MAPS, _EVERY = 25_000, 20
_tests = itertools.count(1)


@pytest.fixture(autouse=True)
def _forget_programs() -> Iterator[None]:
    """Let go of compiled programs before a process of many tests has too many of them."""
    yield
    if next(_tests) % _EVERY == 0 and os.path.exists("/proc/self/maps"):
        with open("/proc/self/maps", "rb") as maps:
            many = sum(1 for _ in maps) > _MANY_MAPS
        if many:
            jax.clear_caches()
            gc.collect()
