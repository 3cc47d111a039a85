"""Hostile and broken npz files: refused by one sentence, in bounded memory, with nothing executed."""

import io
import pathlib
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from cfgrl import DataError
from cfgrl.files._npz import read_npz


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header(text: str) -> bytes:
    """The start of an npy file whose header says what one likes."""
    body = text.encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body


def archive(path: pathlib.Path, *members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> pathlib.Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


class Attack:
    """Unpickling this would make a file."""

    def __init__(self, proof: pathlib.Path):
        self.proof = proof

    def __reduce__(self):
        return pathlib.Path.touch, (self.proof,)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_what_numpy_writes(tmp_path: pathlib.Path, save) -> None:
    arrays = {
        "observations": np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32),
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "terminals": np.array([False, True]),
        "scalar": np.array(3),
        "empty": np.zeros((0, 2)),
    }
    save(tmp_path / "a.npz", **arrays)
    read = read_npz(tmp_path / "a.npz")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    assert read_npz(tmp_path / "a.npz", keys=("terminals", "absent")).keys() == {"terminals"}


def test_nothing_is_unpickled(tmp_path: pathlib.Path) -> None:
    proof = tmp_path / "proof"
    path = archive(tmp_path / "a.npz", ("x.npy", npy(np.array([Attack(proof)], dtype=object))))
    with pytest.raises(DataError, match="never objects"):
        read_npz(path)
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Attack(proof)))
    with pytest.raises(DataError, match="no npz file"):
        read_npz(tmp_path / "b.npz")
    assert not proof.exists()


def test_a_bomb_is_refused_before_it_unfolds(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w", force_zip64=True) as member:
        member.write(header("{'descr': '<f4', 'fortran_order': False, 'shape': (100000000,), }"))
        for _ in range(400):
            member.write(bytes(1_000_000))
    tracemalloc.start()
    with pytest.raises(DataError, match="bomb"):
        read_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    with pytest.raises(DataError, match="at most 1.0 MiB are read"):
        read_npz(path, max_bytes=1 << 20)


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').getcwd(), }",
        "not a header",
    ],
)
def test_a_lying_header_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    path = archive(tmp_path / "a.npz", ("x.npy", header(text) + bytes(16)))
    with pytest.raises(DataError, match=r"a\.npz: x\b"):
        read_npz(path)


def test_a_duplicate_member_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "a.npz", ("x.npy", npy(np.zeros(3))), ("x.npy", npy(np.ones(3))))
    with pytest.raises(DataError, match="'x' more than once"):
        read_npz(path)


def test_an_encrypted_file_is_refused(tmp_path: pathlib.Path) -> None:
    path = archive(tmp_path / "a.npz", ("x.npy", npy(np.zeros(3))))
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        read_npz(path)


def test_another_compression_is_refused(tmp_path: pathlib.Path) -> None:
    path = archive(tmp_path / "a.npz", ("x.npy", npy(np.zeros(3))), compression=zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="compressed in a way"):
        read_npz(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_cut_or_flipped_anywhere_is_refused(tmp_path: pathlib.Path, compression: int) -> None:
    sound = npy(np.random.default_rng(0).normal(size=100))
    whole = archive(tmp_path / "a.npz", ("x.npy", sound), compression=compression).read_bytes()
    broken = tmp_path / "b.npz"
    for cut in range(0, len(whole), 37):
        broken.write_bytes(whole[:cut])
        with pytest.raises(DataError):
            read_npz(broken)
    start = whole.index(b"x.npy") + 5
    for place in range(start, start + len(sound) // 2, 11):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(DataError):
            read_npz(broken)


def test_what_is_no_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_npz(tmp_path / "absent.npz")
    with pytest.raises(DataError, match="not a regular file"):
        read_npz(tmp_path)
    with pytest.raises(DataError, match="not a regular file"):
        read_npz("/dev/zero")
