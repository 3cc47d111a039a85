"""Saves a checkpoint again and again where less and less room is left; a script, because it limits its own process.

    python filling.py FOLDER limit|ballast SIZE...

`limit` lets no file grow beyond SIZE bytes, `ballast` fills the file system of FOLDER until SIZE bytes are left. Prints
for each size whether the save succeeded and what is there afterwards.
"""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import sys
from collections.abc import Iterator

import equinox as eqx
import jax
from toys import leaves, small_agent, walk

from cfgrl import CheckpointError, init
from cfgrl.runs import _checkpoint
from cfgrl.runs._run import RunDirectory


@contextlib.contextmanager
def limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill(path: pathlib.Path, left: int) -> None:
    """Write a file that leaves `left` bytes of its file system."""
    about = os.statvfs(path.parent)
    with path.open("wb") as file, contextlib.suppress(OSError):
        for _ in range(max(0, about.f_bavail * about.f_frsize - left) // 4096):
            file.write(bytes(4096))
            file.flush()


def main(folder: pathlib.Path, how: str, sizes: list[int]) -> None:
    run = RunDirectory(folder / "run")
    state = init(small_agent(normalize=True), walk(), key=jax.random.split(jax.random.key(0), 2))
    template, known = eqx.filter_eval_shape(lambda: state), [leaf.tobytes() for leaf in leaves(state)]
    _checkpoint.save(run.checkpoints, 10, state, keep=2)
    for size in sizes:
        if how == "ballast":
            fill(folder / "ballast", size)
        try:
            with limit(size) if how == "limit" else contextlib.nullcontext():
                _checkpoint.save(run.checkpoints, 20, state, keep=2)
            saved, said = True, ""
        except CheckpointError as error:
            saved, said = False, str(error)
        temporary = [path.name for path in run.checkpoints.iterdir() if not path.name.isdecimal()]
        step, found = run.restore(template, strict=True) or (None, None)
        same = [leaf.tobytes() for leaf in leaves(found)] == known
        report = {"size": size, "saved": saved, "said": said, "temporary": temporary, "step": step, "same": same}
        print(json.dumps(report), flush=True)
        (folder / "ballast").unlink(missing_ok=True)
        shutil.rmtree(run.checkpoints / "20", ignore_errors=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], [int(size) for size in sys.argv[3:]])
