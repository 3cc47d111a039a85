"""Files that attack, lie or are broken: each ends `cfgrl data check` with exit code 3 and its own sentence.

Nothing is executed, nothing outside the file is read, memory stays bounded, and it is quick.
"""

import functools
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cfgrl.cli._main import main

h5py = pytest.importorskip("h5py")
Build = Callable[[pathlib.Path], Any]
PROOF, SECRET = "proof", "secret"
ROWS = 12


class Attack:
    """Unpickling this makes a file."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def __reduce__(self):
        return pathlib.Path.touch, (self.folder / PROOF,)


def sound() -> dict[str, np.ndarray]:
    """Two episodes; each test spoils something."""
    rng = np.random.default_rng(0)
    return {
        "observations": rng.normal(size=(ROWS, 3)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (ROWS, 2)).astype(np.float32),
        "rewards": rng.normal(size=ROWS).astype(np.float32),
        "terminals": (np.arange(ROWS) % 6 == 5).astype(np.float32),
    }


def npz(**changes: Any) -> Build:
    """A sound npz file but for some arrays; `None` leaves one out."""
    return lambda path: np.savez(path, **{k: v for k, v in {**sound(), **changes}.items() if v is not None})


def hdf5(*, gone: tuple[str, ...] = (), then: Callable[[Any], Any] = lambda file: None, **changes: Any) -> Build:
    """A sound HDF5 file but for some arrays, and for what `then` does to it."""

    def build(path: pathlib.Path) -> None:
        with h5py.File(path, "w") as file:
            for name, array in {**sound(), **changes}.items():
                if name not in gone:
                    file[name] = array
            then(file)

    return build


def spoilt(name: str, row: int, value: float) -> dict[str, np.ndarray]:
    array = sound()[name].astype(np.float64)
    array[row] = value
    return {name: array}


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> Build:
    def build(path: pathlib.Path) -> None:
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as file:
            warnings.simplefilter("ignore")
            for name, content in members:
                file.writestr(name, content)

    return build


def header(text: str, content: bytes = bytes(16), version: bytes = b"\x01\x00") -> Build:
    """One array whose own header says what one likes."""
    body = text.encode().ljust(117) + b"\n"
    return zipped(("observations.npy", b"\x93NUMPY" + version + struct.pack("<H", len(body)) + body + content))


def described(descr: str, shape: str) -> Build:
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")


def patched(build: Build, change: Callable[[bytearray], Any]) -> Build:
    """A file whose bytes were changed afterwards."""

    def patch(path: pathlib.Path) -> None:
        build(path)
        content = bytearray(path.read_bytes())
        changed = change(content)
        path.write_bytes(content if changed is None else changed)

    return patch


def encrypt(content: bytearray) -> None:
    content[content.index(b"PK\x01\x02") + 8] |= 1


def flip(marker: bytes, distance: int) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        content[content.index(marker) + distance] ^= 16

    return change


def npz_bomb(path: pathlib.Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("observations.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy(np.zeros(0, np.float32)).replace(b"(0,)", b"(75000000,)")[:128])
        for _ in range(30):
            member.write(bytes(10_000_000))


def attack(path: pathlib.Path) -> None:
    np.savez(path, **{**sound(), "extra": np.array([Attack(path.parent)], dtype=object)})


def external_storage(file: Any) -> None:
    secret = pathlib.Path(file.filename).with_name(SECRET)
    file.create_dataset("observations", (ROWS, 3), "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((ROWS, 3), "f4")
    layout[:] = h5py.VirtualSource(str(pathlib.Path(file.filename).with_name(SECRET)), "data", (ROWS, 3))
    file.create_virtual_dataset("observations", layout)


def filtered(*filters: int) -> Callable[[Any], None]:
    """Observations said to be stored with these filters; nothing is written."""

    def then(file: Any) -> None:
        description = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        description.set_chunk((ROWS, 3))
        for code in filters:
            description.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (4,) if code == 1 else ())
        space = h5py.h5s.create_simple((ROWS, 3))
        h5py.h5d.create(file.id, b"observations", h5py.h5t.IEEE_F32LE, space, description)

    return then


def chunk(content: bytes, shape: tuple[int, ...] = (ROWS, 3), times: int = 1) -> Callable[[Any], None]:
    """Observations in gzip chunks of `shape` that hold what one likes."""

    def then(file: Any) -> None:
        whole = (shape[0] * times, *shape[1:])
        made = file.create_dataset("observations", whole, "f4", chunks=shape, compression="gzip")
        for i in range(times):
            made.id.write_direct_chunk((i * shape[0], *(0 for _ in shape[1:])), content)

    return then


@functools.cache
def zeros(megabytes: int) -> bytes:
    return zlib.compress(bytes(megabytes << 20), 1)


def half_written(file: Any) -> None:
    file.create_dataset("observations", (ROWS, 3), "f4", chunks=(4, 3))[:4] = 1.0


def of_type(dtype: Any, value: Any) -> Callable[[Any], None]:
    def then(file: Any) -> None:
        made = file.create_dataset("observations", (ROWS,), dtype)
        made[:] = [value] * ROWS

    return then


def link(made: Callable[[Any], Any], name: str = "observations") -> Callable[[Any], None]:
    def then(file: Any) -> None:
        file[name] = made(file)

    return then


def groups(file: Any) -> None:
    for i in range(1001):
        file.create_group(f"episode_{i}")


def minari(file: Any) -> None:
    for name, array in sound().items():
        file[f"episode_0/{name}"] = array


GONE = ("observations",)
NO_OBSERVATIONS = functools.partial(hdf5, gone=GONE)
NPZ: list[tuple[str, Build, str]] = [
    ("pickled objects", attack, "only numbers and booleans are read, never objects"),
    ("a pickle", lambda path: path.write_bytes(pickle.dumps(Attack(path.parent))), "no npz file"),
    ("a bomb", npz_bomb, "refused as a decompression bomb"),
    ("a header that promises more", described("'<f4'", "(100000000000,)"), "its header promises 400,000,000,000 bytes"),
    ("a header that overflows", described("'<f4'", f"({2**62}, 8)"), "its header promises"),
    ("a header that promises less", described("'<f4'", "(3,)"), "promises 12 bytes, but 16 are there"),
    ("a negative size", described("'<f4'", "(-4,)"), "the impossible shape (-4,)"),
    ("text", described("'<U4'", "(1,)"), "has dtype <U4"),
    ("records", described("[('a', '<f4')]", "(4,)"), "only numbers and booleans"),
    ("dates", described("'<M8[s]'", "(2,)"), "has dtype datetime64[s]"),
    ("complex numbers", described("'<c8'", "(2,)"), "has dtype complex64"),
    ("code in a header", described("'<f4'", "__import__('os').getcwd()"), "no readable array header"),
    ("no header", header("nonsense"), "no readable array header"),
    ("an unknown version", header("{}", version=b"\x09\x09"), "no readable array header"),
    ("one name twice", zipped(*[("a.npy", npy(np.zeros(3)))] * 2), "the array 'a' more than once"),
    ("encrypted", patched(zipped(("a.npy", npy(np.zeros(3)))), encrypt), "is encrypted"),
    ("another compression", zipped(("a.npy", npy(np.zeros(3))), compression=zipfile.ZIP_BZIP2), "compressed in a way"),
    ("cut", patched(npz(), lambda content: content[:-100]), "truncated, damaged or no npz file"),
    ("a flipped bit", patched(npz(), flip(b"actions.npy", 150)), "damaged"),
    ("too many members", zipped(*[(f"{i}.npy", b"") for i in range(1001)]), "holds 1,001 members; at most 1,000"),
    ("an escape sequence", zipped(("\x1b[2Ja.npy", npy(np.zeros(3)))), "a member whose name cannot be printed"),
    ("nothing in it", lambda path: path.touch(), "no npz file"),
    ("a folder", pathlib.Path.mkdir, "is not a regular file"),
    ("a pipe", os.mkfifo, "is not a regular file"),
    ("a device", lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    ("a dangling link", lambda path: path.symlink_to("nowhere"), "does not exist"),
    ("not a number", npz(**spoilt("observations", 7, np.nan)), "observations, row 7, column 0, is not finite: nan"),
    ("infinity", npz(**spoilt("actions", 2, np.inf)), "actions, row 2, column 0, is not finite: inf"),
    ("too large for 32 bits", npz(**spoilt("observations", 1, 1e300)), "observations, row 1, column 0, does not fit"),
    ("an action out of range", npz(**spoilt("actions", 3, -1.5)), "actions, row 3, column 0, is out of range: -1.5"),
    ("half a terminal", npz(**spoilt("terminals", 4, 0.5)), "terminals, row 4, is neither 0 nor 1: 0.5"),
    ("no row", npz(**{name: array[:0] for name, array in sound().items()}), "observations is empty"),
    ("no episode end", npz(terminals=np.zeros(ROWS)), "terminals is zero in every row"),
    ("an open end", npz(terminals=(np.arange(ROWS) == 5) * 1.0), "the last row (11) does not end an episode"),
    ("an episode of one row", npz(terminals=np.ones(ROWS)), "the episode that ends in row 0 has one row"),
    ("unequal lengths", npz(actions=np.zeros((5, 2))), "the arrays differ in their number of rows"),
    ("whole numbers as actions", npz(actions=np.zeros((ROWS, 2), int)), "actions has dtype int64"),
    ("flat actions", npz(actions=np.zeros(ROWS)), "actions has shape (12,), but must be (rows, width)"),
    ("no actions", npz(actions=None), "there is no array called actions"),
    ("ExORL's names", npz(observations=None, observation=np.zeros((ROWS, 3))), "no array called observations"),
    ("other next observations", npz(next_observations=np.zeros((ROWS, 4))), "next_observations has shape (12, 4)"),
    ("a reward that is none", npz(timeouts=np.zeros(ROWS), **spoilt("rewards", 8, np.nan)), "rewards, row 8, is not"),
]
HDF5: list[tuple[str, Build, str]] = [
    (
        "an external link",
        hdf5(then=link(lambda file: h5py.ExternalLink(SECRET, "/data"), "more")),
        "more is a link into",
    ),
    ("external storage", NO_OBSERVATIONS(then=external_storage), "observations lies in other files"),
    ("a virtual data set", NO_OBSERVATIONS(then=virtual), "observations is put together from other files"),
    ("a dangling soft link", NO_OBSERVATIONS(then=link(lambda file: h5py.SoftLink("/gone"))), "soft link to '/gone'"),
    ("a soft link", NO_OBSERVATIONS(then=link(lambda file: h5py.SoftLink("/actions"))), "a soft link to '/actions'"),
    ("a circle of soft links", hdf5(then=link(lambda file: h5py.SoftLink("/b"), "b")), "b is a soft link to '/b'"),
    ("a group that holds itself", hdf5(then=link(lambda file: file["/"], "again")), "is there under two paths"),
    ("a foreign filter", NO_OBSERVATIONS(then=filtered(32015)), "stored with filter 32015, which only foreign code"),
    ("two compressions", NO_OBSERVATIONS(then=filtered(1, 1)), "observations is compressed more than once"),
    ("a filter after it", NO_OBSERVATIONS(then=filtered(1, 2)), "observations is shuffled after it was compressed"),
    ("text", NO_OBSERVATIONS(then=of_type("S4", b"text")), "observations holds text"),
    ("lists", NO_OBSERVATIONS(then=of_type(h5py.vlen_dtype("f4"), np.ones(2, "f4"))), "lists of varying length"),
    ("references", NO_OBSERVATIONS(then=of_type(h5py.ref_dtype, None)), "observations holds references"),
    ("records", NO_OBSERVATIONS(then=of_type([("a", "f4"), ("b", "i4")], (1, 2))), "observations holds records"),
    ("an enumeration", NO_OBSERVATIONS(then=of_type(h5py.enum_dtype({"A": 0, "B": 1}), 1)), "an enumeration"),
    ("opaque bytes", NO_OBSERVATIONS(then=of_type("V8", np.void(bytes(8)))), "observations holds opaque bytes"),
    ("complex numbers", NO_OBSERVATIONS(then=of_type("c8", 1j)), "only numbers and booleans are read"),
    ("a type as an array", NO_OBSERVATIONS(then=link(lambda file: np.dtype("f4"))), "observations is no array"),
    ("a group as an array", NO_OBSERVATIONS(then=lambda file: file.create_group(GONE[0])), "observations is no array"),
    ("no values", NO_OBSERVATIONS(then=link(lambda file: h5py.Empty("f4"))), "observations has no values at all"),
    (
        "a shape that nobody wrote",
        NO_OBSERVATIONS(then=lambda file: file.create_dataset(GONE[0], (10**12, 3), "f4", chunks=(1000, 3))),
        "would take 11,175.9 GiB of memory",
    ),
    (
        "a bomb that nobody wrote",
        NO_OBSERVATIONS(then=lambda file: file.create_dataset(GONE[0], (10**8, 3), "f4", chunks=(1000, 3))),
        "refused as a decompression bomb",
    ),
    (
        "rows that nobody wrote",
        NO_OBSERVATIONS(then=lambda file: file.create_dataset(GONE[0], (ROWS, 3), "f4")),
        "its shape promises 144 bytes, but 0 were written",
    ),
    ("chunks that nobody wrote", NO_OBSERVATIONS(then=half_written), "of its 3 chunks 1 were written"),
    ("a bomb of chunks", NO_OBSERVATIONS(then=chunk(zeros(64), (1 << 24, 1), 8)), "refused as a decompression bomb"),
    ("a bomb in a chunk", NO_OBSERVATIONS(then=chunk(zeros(300))), "unfolds to at least 145 bytes instead of 144"),
    (
        "a chunk cut short",
        NO_OBSERVATIONS(then=chunk(zlib.compress(bytes(144))[:9])),
        "the chunk at (0, 0) is truncated",
    ),
    (
        "a chunk too small",
        NO_OBSERVATIONS(then=chunk(zlib.compress(bytes(100)))),
        "unfolds to 100 bytes instead of 144",
    ),
    ("a chunk of nonsense", NO_OBSERVATIONS(then=chunk(b"nonsense")), "truncated, damaged or no HDF5 file"),
    ("too many members", hdf5(then=groups), "members; at most 1,000 are read"),
    (
        "an escape sequence",
        hdf5(then=lambda file: file.create_group("\x1b[2J")),
        "a member whose name cannot be printed",
    ),
    ("cut", patched(hdf5(), lambda content: content[:-100]), "truncated, damaged or no HDF5 file"),
    ("nothing in it", lambda path: path.touch(), "no HDF5 file"),
    ("a text", lambda path: path.write_text("observations\n"), "no HDF5 file"),
    ("a start alone", lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "no HDF5 file"),
    ("a folder", pathlib.Path.mkdir, "is not a regular file"),
    ("a pipe", os.mkfifo, "is not a regular file"),
    ("not a number", hdf5(**spoilt("observations", 7, np.nan)), "observations, row 7, column 0, is not finite: nan"),
    ("an action out of range", hdf5(**spoilt("actions", 3, 2.0)), "actions, row 3, column 0, is out of range: 2.0"),
    ("a terminal of two", hdf5(**spoilt("terminals", 4, 2.0)), "terminals, row 4, is neither 0 nor 1: 2.0"),
    ("unequal lengths", hdf5(timeouts=np.zeros(5)), "the arrays differ in their number of rows"),
    ("no row", hdf5(**{name: array[:0] for name, array in sound().items()}), "observations is empty"),
    ("no ends", hdf5(gone=("terminals",)), "there is no array called terminals"),
    ("Minari's groups", NO_OBSERVATIONS(then=minari, gone=tuple(sound())), "there is no array called observations"),
]
CASES = [
    (f"{kind}: {name}", kind, build, says) for kind, t in (("npz", NPZ), ("hdf5", HDF5)) for name, build, says in t
]


def made(folder: pathlib.Path, kind: str, build: Build) -> pathlib.Path:
    (folder / SECRET).write_bytes(np.full(36, 0.123456, np.float32).tobytes())
    path = folder / f"data.{kind}"
    build(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def a_sound_file_passes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is refused below is refused for what was done to it; and what is imported once is imported here."""
    for kind, build in (("npz", npz()), ("hdf5", hdf5())):
        assert main(["data", "check", str(made(tmp_path_factory.mktemp(kind), kind, build))]) == 0


def test_there_are_many_distinct_cases() -> None:
    assert len(CASES) == len({name for name, *_ in CASES}) >= 80
    assert len({says for *_, says in CASES}) >= 60


@pytest.mark.parametrize(("kind", "build", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_is_refused_by_one_sentence(
    kind: str, build: Build, says: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path, kind, build)
    capsys.readouterr()
    tracemalloc.start()
    started = time.process_time()  # not the clock: other programs may hold the machine
    code = main(["data", "check", str(path)])
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    shown = capsys.readouterr()
    assert code == 3, shown.err
    assert shown.err.startswith("cfgrl: error: ") and shown.err.count("\n") == 1 and says in shown.err, shown.err
    assert "\x1b" not in shown.out + shown.err and "0.1235" not in shown.out
    assert not (tmp_path / PROOF).exists()
    assert seconds < 2 and peak < 50_000_000


#: A user's command in a process of its own, which says at the end how much memory it held at most, in KiB. Its own
#: count begins with it; what the system tells the parent includes the copy of the parent that it was before.
LITTLE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from cfgrl.cli._main import main
code = main(["data", "check", sys.argv[1]])
with open("/proc/self/status") as file:
    print(next(line.split()[1] for line in file if line.startswith("VmHWM")))
sys.exit(code)
"""


@pytest.mark.parametrize(
    "case",
    [
        "npz: a bomb",
        "npz: a header that promises more",
        "hdf5: a bomb of chunks",
        "hdf5: a bomb in a chunk",
        "hdf5: a bomb that nobody wrote",
    ],
)
def test_a_process_with_little_memory_survives(case: str, tmp_path: pathlib.Path) -> None:
    kind, build, says = next(rest for name, *rest in CASES if name == case)
    path = made(tmp_path, kind, build)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # each thread of it reserves memory of its own
    command = [sys.executable, "-c", LITTLE, str(path)]
    child = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert child.returncode == 3 and says in child.stderr, child.stderr
    assert int(child.stdout.splitlines()[-1]) < 200 * 1024


@pytest.mark.parametrize("use", ["npz", "hdf5"])
def test_training_meets_the_same_sentences(
    use: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path, use, {"npz": attack, "hdf5": NO_OBSERVATIONS(then=external_storage)}[use])
    if use == "npz":  # what is not asked for is not looked at, so the objects take the place of what is
        np.savez(path, **{**sound(), "rewards": np.array([Attack(tmp_path)] * ROWS, dtype=object)})
    words = ["train", "flow-bc", f"dataset.use={use}", f"dataset.file={path}", "--run-dir", str(tmp_path / "run")]
    code = main(words)
    error = capsys.readouterr().err
    assert code == 3 and ("never objects" if use == "npz" else "external storage") in error, error
    assert not (tmp_path / PROOF).exists()
