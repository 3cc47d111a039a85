"""Data files of nonsense: exit code 3 or a sound survey, one message, nothing written, little time and memory."""

import functools
import io
import json
import pathlib
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
from fuzzing import PROFILES, fuzz, guarded, watched
from hypothesis import strategies as st
from nonsense import byte_edits, edited

import cfgrl
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.config._build import build_component
from cfgrl.files._printable import printable

h5py = pytest.importorskip("h5py")
NAME = "pointmaze-medium-navigate-v0"
ROWS = 12
EXCUSED = ("ctypes.dlopen", "marshal.loads")  # the imports of a first use
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**12, 10**400, 1e308, float("inf"), float("nan"))


def sound(width: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "observations": rng.normal(size=(ROWS, width)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (ROWS, 2)).astype(np.float32),
        "rewards": rng.normal(size=ROWS).astype(np.float32),
        "terminals": (np.arange(ROWS) % 6 == 5).astype(np.float32),
    }


@functools.cache
def npz(compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **sound())  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


@functools.cache
def hdf5(compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, array in sound().items():
            file.create_dataset(name, data=array, **({"compression": "gzip", "fletcher32": True} if compressed else {}))
        file.create_group("infos")["qpos"] = np.zeros((ROWS, 2))
    return buffer.getvalue()


#: The directory's name of a member is cut by bytes that are no UTF-8; the flag says that it is.
BAD_NAME = edited(npz(), [("copy", 0.8993318476326139, 0.5)])
HEADER = st.one_of(
    st.builds(
        "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format,
        st.sampled_from(["'<f4'", "'<f8'", "'|O'", "'<U9'", "[('a','<f4')]", "'|V0'", "'<f2'", "'>f4'", "1", "'<M8'"]),
        st.sampled_from(["False", "True", "1", "None"]),
        st.lists(st.sampled_from([0, 1, 2, 3, 12, 2**31, 2**62, 2**64, -1, 10**30]), max_size=5).map(tuple),
    ),
    st.text(max_size=60),
    st.sampled_from(["(" * 500, "{'a':" * 200, "[" * 5000, "-" * 3000 + "1", "1" * 5000]),
)


def _nested() -> bytes:
    """A header of open parentheses, which numpy hands to a tokenizer."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("observations.npy", b"\x93NUMPY\x01\x00\xf4\x01" + b"(" * 500)
    return buffer.getvalue()


NESTED = _nested()


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """An archive whose members, headers and names are what one likes."""
    names = st.sampled_from([*sound(), "../../x", "/etc/x", "a" * 300, "é", "\x1b[2J", "a\nb", "", "x.npy", "\u202e"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as file:
        for name in draw(st.lists(names, max_size=5, unique=True)):
            if name in sound() and draw(st.booleans()):
                array = sound()[name]
                body = io.BytesIO()
                np.lib.format.write_array(body, array)
                file.writestr(f"{name}.npy", body.getvalue())
                continue
            text = draw(HEADER).encode("latin-1", "replace")
            version, length = draw(st.sampled_from([(b"\x01\x00", 2), (b"\x02\x00", 4), (b"\x03\x00", 4)]))
            body = b"\x93NUMPY" + version + len(text).to_bytes(length, "little") + text
            file.writestr(f"{name}.npy", body + draw(st.binary(max_size=64)))
    return edited(buffer.getvalue(), draw(byte_edits(2)) if draw(st.booleans()) else [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("data")
    for name, content in (("sound.npz", npz()), ("sound.hdf5", hdf5())):  # what is imported once is imported here
        (folder / name).write_bytes(content)
        for use in ("npz", "hdf5"):
            loaded(folder / name, use)
        assert watched(["data", "check", str(folder / name)], codes=[0], excused=EXCUSED)
    return folder


def loaded(file: pathlib.Path, use: str) -> None:
    """What training does first."""

    def load() -> int:
        try:
            build_component(load_catalogue(), "datasets", use, {"file": str(file), "layout": "rows"}).load()
        except cfgrl.DataError as error:
            print(f"cfgrl: error: {printable(str(error))}", file=sys.stderr)
            return 3
        return 0

    guarded(load, codes=[0, 3], excused=EXCUSED)


def checked(folder: pathlib.Path, use: str, content: bytes) -> None:
    file = folder / f"fuzzed.{use}"
    file.write_bytes(content)
    more = ["--json"] if len(content) % 4 == 0 else []
    watched(["data", "check", str(file), *more], codes=[0, 3])
    loaded(file, use)


@pytest.mark.parametrize("profile", PROFILES)
def test_npz(profile: str, folder: pathlib.Path) -> None:
    changed = st.builds(lambda packed, edits: edited(npz(packed), edits), st.booleans(), byte_edits())
    content = st.one_of(changed, archives(), st.binary(max_size=100))
    fuzz("npz bytes", profile, content, functools.partial(checked, folder, "npz"), npz(), npz(True), BAD_NAME, NESTED)


@pytest.mark.parametrize("profile", PROFILES)
def test_hdf5(profile: str, folder: pathlib.Path) -> None:
    changed = st.builds(lambda packed, edits: edited(hdf5(packed), edits), st.booleans(), byte_edits())
    fuzz("hdf5 bytes", profile, changed, functools.partial(checked, folder, "hdf5"), hdf5(), hdf5(True))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS), st.text(max_size=8), st.just("\x1b[2J")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["files", "origin", "record", "sha256", "versions", "seed", f"{NAME}.npz", "\x1b"]), inner
        ),
    ),
    max_leaves=8,
)


def beside(folder: pathlib.Path, example: tuple[bytes, bytes, Any]) -> None:
    training, validation, record = example
    (folder / f"{NAME}.npz").write_bytes(training)
    (folder / f"{NAME}-val.npz").write_bytes(validation)
    text = record if isinstance(record, bytes) else json.dumps(record, default=str).encode()
    if isinstance(record, dict) and isinstance(record.get("files"), dict):  # a record that is believed: digests agree
        from cfgrl_plugins.datasets._files import digest

        files = {f"{NAME}{end}.npz": {"sha256": digest(folder / f"{NAME}{end}.npz")} for end in ("", "-val")}
        text = json.dumps({**record, "files": record["files"] | files}, default=str).encode()
    (folder / f"{NAME}.json").write_bytes(text)
    watched(["data", "check", NAME, "--dir", str(folder)], codes=[0, 3], excused=EXCUSED)


@pytest.mark.parametrize("profile", PROFILES)
def test_ogbench(profile: str, folder: pathlib.Path) -> None:
    place = folder / "ogbench"
    place.mkdir(exist_ok=True)
    some = st.one_of(st.just(npz()), st.builds(lambda edits: edited(npz(), edits), byte_edits(2)))
    record = st.one_of(JSON, st.binary(max_size=40), st.builds(lambda more: {"files": {}, **more}, st.dictionaries(
        st.sampled_from(["origin", "record", "versions", "seed"]), JSON)))  # fmt: skip
    fuzz("ogbench", profile, st.tuples(some, some, record), functools.partial(beside, place), *RECORDS)


RECORDS = [
    (npz(), npz(), record)
    for record in (
        {"files": {}, "seed": 1}, {"files": {}, "versions": 1}, {"files": {}, "versions": {"\x1b[2J": 1}, "seed": 0},
        {"files": {}, "origin": "\x1b[2J"}, b"[" * 100_000, b"\xff", b"9" * 5000, {"files": []}, {"files": {NAME: 1}},
    )
]  # fmt: skip
