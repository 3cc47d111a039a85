"""Commands that are fed with nonsense, and watched while they chew it.

`fuzz` runs a check on examples of a strategy, few of them and always the same in the short form, many and new ones in
the long form (`-m soak`). `watched` calls the command line in this process and refuses whatever a file must never
bring about: a traceback, another exit code, a write elsewhere, a process, a connection, minutes, gigabytes.
"""

import contextlib
import io
import os
import pathlib
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cfgrl.cli._main import main

#: How many examples each fuzz test runs in the short and in the long form; `CFGRL_FUZZ` multiplies the long ones.
EXAMPLES = {
    "registry text": (30, 6000),
    "registry tables": (25, 6000),
    "registry train": (5, 600),
    "overrides": (40, 6000),
    "npz bytes": (60, 10_000),
    "hdf5 bytes": (60, 10_000),
    "ogbench": (25, 2000),
    "run records": (40, 3000),
    "run pages": (8, 400),
    "run config": (12, 1500),
    "run checkpoints": (12, 1500),
    "run resume": (6, 200),
    "run eval": (0, 20),
}
PROFILES = ("short", pytest.param("long", marks=pytest.mark.soak))
#: Processor time of one example: far above what any takes, far below a hang.
SECONDS = 5.0
#: Address space that one example may add, in bytes: far above what any takes, far below what a file may claim.
MEMORY = 3 << 30

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Audit events that change the file system, with the numbers of their arguments that are paths.
_CHANGES = {
    "os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.symlink": (1,), "os.link": (1,),
    "os.truncate": (0,), "os.chmod": (0,), "os.chown": (0,), "os.utime": (0,), "shutil.rmtree": (0,),
    "shutil.move": (0, 1), "shutil.copyfile": (1,), "shutil.copymode": (1,), "tempfile.mkstemp": (0,),
    "tempfile.mkdtemp": (0,), "os.setxattr": (0,), "os.removexattr": (0,),
}  # fmt: skip
#: Events that no file may bring about; those of a first use of some library happen before the watch begins.
_NEVER = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.startfile",
    "pickle.find_class", "socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.bind", "urllib.Request",
    "marshal.loads", "ctypes.dlopen", "os.kill", "webbrowser.open",
)  # fmt: skip
_INHERENT = ("/dev/null", "/dev/tty")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Answer(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str


class _Watch:
    """An audit hook, which cannot be removed again, and so is on or off."""

    def __init__(self) -> None:
        self.on = False
        self.allowed: tuple[str, ...] = ()
        self.excused: Collection[str] = ()
        self.seen: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in _NEVER and event not in self.excused:
            self.seen.append(f"{event}{arguments!r:.200}")
        elif event == "open":
            path, mode, flags = arguments
            writing = (isinstance(mode, str) and set(mode) & set("wax+")) or (flags or 0) & _WRITING
            if writing:
                self.note(event, path)
        elif event in _CHANGES:
            for position in _CHANGES[event]:
                self.note(event, arguments[position])

    def note(self, event: str, path: Any) -> None:
        if isinstance(path, int) or path is None:  # a descriptor was opened before, which was looked at
            return
        place = os.path.abspath(os.fsdecode(path))  # the path as it was given: a link is where it leads
        real = os.path.realpath(place)
        if real not in _INHERENT and not any(real == top or real.startswith(f"{top}/") for top in self.allowed):
            self.seen.append(f"{event}: {place}")


_watch: _Watch | None = None


@contextlib.contextmanager
def _watching(allowed: Collection[str | pathlib.Path], excused: Collection[str]) -> Iterator[list[str]]:
    global _watch
    _watch = _watch or _Watch()
    caches = [os.environ[name] for name in ("CFGRL_CACHE", "JAX_COMPILATION_CACHE_DIR") if name in os.environ]
    _watch.allowed = tuple(os.path.realpath(path) for path in (*allowed, *caches))
    _watch.excused, _watch.seen, _watch.on = excused, [], True
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield _watch.seen
    finally:
        _watch.on, sys.dont_write_bytecode = False, before


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """A claim of a hundred gigabytes is an error here, also on a machine that would have given them."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def guarded(
    call: Callable[[], int],
    *,
    codes: Collection[int],
    allowed: Collection[str | pathlib.Path] = (),
    excused: Collection[str] = (),
    seconds: float = SECONDS,
) -> Answer:
    """Call something that returns an exit code, and hold all that is promised about files that nobody vouches for."""
    out, err = _Stream("strict"), _Stream("backslashreplace")
    started, fault = time.process_time(), None
    said = (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err))
    with _watching(allowed, excused) as seen, _bounded(), said[0], said[1]:
        try:
            code = call()
        except SystemExit as error:  # argparse
            code = int(error.code or 0)
        except BaseException:
            code, fault = 1, traceback.format_exc(limit=-8)
    spent = time.process_time() - started
    answer = Answer(code, out.text(), err.text())
    assert fault is None, f"{fault[:200]} … {fault[-2500:]}"
    assert not seen, seen
    said = f"{code} {answer.err[:2000]!r} {answer.out[:300]!r}"
    assert code in codes, said
    assert "Traceback" not in answer.err, said
    wrong = _CONTROL.search(answer.err) or _CONTROL.search(answer.out)
    assert wrong is None, (wrong, said)
    if code:
        assert len(re.findall(r"^cfgrl: error: .", answer.err, re.MULTILINE)) == 1, said
    assert spent < seconds, f"{spent:.1f} s: {said}"
    return answer


def watched(words: list[str], **promised: Any) -> Answer:
    """`cfgrl WORDS` in this process; see `guarded`."""
    return guarded(lambda: main(words), **promised)


class _Stream(io.TextIOWrapper):
    """A standard stream that keeps what is written to it, and is as strict about it as a terminal's is."""

    mode, name = "w", "<fuzzed>"

    def __init__(self, errors: str) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, encoding="utf-8", errors=errors, write_through=True)

    def text(self) -> str:
        self.flush()
        return self.kept.getvalue().decode("utf-8")


def fuzz(name: str, profile: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], Any], *known: Any) -> None:
    """Check the `known` examples, then as many as the table says."""
    for example in known:
        check(example)
    short, long = EXAMPLES[name]
    count = short if profile == "short" else round(long * float(os.environ.get("CFGRL_FUZZ", "1")))
    if not count:
        return
    ran = 0

    @settings(
        max_examples=count,
        derandomize=profile == "short",
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if profile == "long" else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(example: Any) -> None:
        nonlocal ran
        ran += 1
        check(example)

    started = time.monotonic()
    run()
    print(f"{name}: {ran} examples and {len(known)} known ones in {time.monotonic() - started:.1f} s")
