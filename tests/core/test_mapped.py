"""Arrays beyond a limit are mapped from a file: the same numbers, checked the same way, in bounded memory."""

import pathlib
import zlib

import h5py
import numpy as np
import pytest
from test_streamed import resident

from cfgrl import DataError, read_hdf5, read_npz

ARRAYS = {
    "pixels": np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3)).astype(np.uint8),
    "numbers": np.random.default_rng(1).normal(size=(500, 4)).astype(np.float32),
    "fortran": np.asfortranarray(np.arange(2000.0).reshape(50, 40)),
}


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    for module in ("files._npz", "files._spill", "files._hdf5_array"):
        monkeypatch.setattr(f"cfgrl.{module}.LARGE", 1000)
    monkeypatch.setenv("CFGRL_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(save, small_limit: pathlib.Path) -> None:
    save(small_limit / "a.npz", **ARRAYS)
    read = read_npz(small_limit / "a.npz")
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)
        assert isinstance(read[name], np.memmap)
    assert not any((small_limit / "cache").glob("*")) or not list((small_limit / "cache").iterdir())


def test_hdf5(small_limit: pathlib.Path) -> None:
    with h5py.File(small_limit / "a.hdf5", "w") as file:
        for name, array in ARRAYS.items():
            file.create_dataset(name, data=array, compression="gzip")
    for name, array in read_hdf5(small_limit / "a.hdf5").items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert isinstance(array, np.memmap)


def test_a_flipped_bit_of_a_mapped_array_is_found(small_limit: pathlib.Path) -> None:
    path = small_limit / "a.npz"
    np.savez(path, **ARRAYS)
    raw = bytearray(path.read_bytes())
    at = raw.index(ARRAYS["pixels"].tobytes()[:64]) + 5000
    raw[at] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="damaged"):
        read_npz(path)


def test_a_mapped_archive_takes_no_memory(small_limit: pathlib.Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, 200 << 20).astype(np.uint8).reshape(-1, 64, 64, 4)
    np.savez(small_limit / "a.npz", pixels=pixels)
    checksum = zlib.crc32(pixels)
    del pixels
    before = resident()
    read = read_npz(small_limit / "a.npz")["pixels"]
    assert resident() - before < 60 << 20
    assert zlib.crc32(read) == checksum


def test_no_room_is_an_error(small_limit: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(small_limit / "a.npz", **ARRAYS)
    (small_limit / "in_the_way").write_text("a file")
    monkeypatch.setenv("CFGRL_CACHE", str(small_limit / "in_the_way"))
    with pytest.raises(DataError, match="no room for an array of .* name another folder with CFGRL_CACHE"):
        read_npz(small_limit / "a.npz")
