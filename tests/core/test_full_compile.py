"""Claims about bits hold for programs as a user compiles them, which no other test does: fusing could break them."""

import os
import pathlib
import subprocess
import sys

import pytest

SOME = (
    "test_train.py::test_a_seed_among_others_gives_the_bits_it_gives_alone",
    "test_streamed.py::test_train_takes_streamed_data",
)
MORE = ("test_train.py", "test_streamed.py")


@pytest.mark.parametrize("claims", [SOME, pytest.param(MORE, marks=pytest.mark.soak)], ids=["some", "more"])
def test_bits_are_the_same_as_users_compile(claims: tuple[str, ...]) -> None:
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS", "PYTEST_XDIST_WORKER"}
    environment = {k: v for k, v in os.environ.items() if k not in quick} | {"CFGRL_TEST_FULL_COMPILE": "1"}
    words = [str(pathlib.Path(__file__).parent / claim) for claim in claims]
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr
