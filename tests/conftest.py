"""Strictness for every test: types and shapes checked at run time, silent promotions refused, warnings as errors.

What decides the bits of a result is set before jax is imported, here and for the child processes of tests, which
inherit the environment: the size of XLA's thread pool, and that the compiler leaves out its expensive passes, since
tests compile much and compute little. `CFGRL_TEST_FULL_COMPILE=1` compiles as for a user (test_full_compile.py);
the fixture `full_compile` turns the expensive passes on for one test. Compiled programs are kept in `.cache/` of the
checkout, in a folder for these versions and settings, so that a second run compiles little.
"""

import hashlib
import importlib.util
import mmap
import os
import pathlib
import shutil
import sys
from importlib.metadata import version

ROOT = pathlib.Path(__file__).parents[1]


def _knows(flag: str) -> bool:
    """Whether a library of the installed jaxlib holds the name of a flag."""
    found = importlib.util.find_spec("jaxlib")
    for library in pathlib.Path(found.origin).parent.glob("*.so*") if found and found.origin else ():
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(flag.encode()) >= 0:
                return True
    return False


os.environ["PJRT_NPROC"] = "2"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if "CFGRL_TEST_FULL_COMPILE" not in os.environ:
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    # Emitting fused loops through MLIR is two thirds of the compilation that is left. An XLA that does not know a flag
    # ends the process, so its library is asked for the names first.
    _flags = {"xla_cpu_use_fusion_emitters": "false", "xla_cpu_parallel_codegen_split_count": "1"}
    os.environ["XLA_FLAGS"] = " ".join(f"--{flag}={value}" for flag, value in _flags.items() if _knows(flag))
# Also what compiles fast: a run compiles fifty small programs before its first update, and many tests begin one.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
if "PYTEST_XDIST_WORKER" not in os.environ:
    _programs = ROOT / ".cache" / "programs"
    _made_for = f"{version('jaxlib')} {sys.version} {(ROOT / 'constraints.txt').read_text()} {os.cpu_count()}"
    _folder = _programs / hashlib.sha256(_made_for.encode()).hexdigest()[:16]
    for _old in _programs.glob("*"):
        if _old != _folder:
            shutil.rmtree(_old, ignore_errors=True)
    _folder.mkdir(parents=True, exist_ok=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(_folder)

from jaxtyping import install_import_hook  # noqa: E402

#: What computes. Elsewhere pyright checks the same annotations, and no shapes stand in them.
_TYPED = ("_act", "_frozen", "_guidance", "_label", "_labeler", "_network", "_optimizer", "_over_seeds", "_policy")
_TYPED += ("_stage", "_train", "_types", "_update", "acting", "data", "evaluation", "nn")
install_import_hook([*(f"cfgrl.{name}" for name in _TYPED), "cfgrl_plugins"], "beartype.beartype")

import gc  # noqa: E402
import itertools  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402

import jax  # noqa: E402
import optax  # noqa: E402
import pytest  # noqa: E402

from cfgrl.acting._compile_cache import drop_halves  # noqa: E402

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


def pytest_sessionstart() -> None:
    """A test may have killed a process that was writing a program, in the last run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        drop_halves(pathlib.Path(os.environ["JAX_COMPILATION_CACHE_DIR"]))


@pytest.fixture
def full_compile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For a test that computes much: the compiler's expensive passes are left in."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "0")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with five real episodes of a maze, which no test changes."""
    from childruns import NAME, cfgrl

    folder = tmp_path_factory.mktemp("data")
    made = cfgrl("data", "generate", NAME, "--episodes", "5", "--dir", str(folder))
    assert made.returncode == 0, made.stderr
    return folder


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
