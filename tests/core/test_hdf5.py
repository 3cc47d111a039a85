"""The HDF5 reader gives what h5py wrote, whole and in its types; what it refuses is in `tests/faults`."""

import builtins
import pathlib
from typing import Any

import numpy as np
import pytest

from cfgrl import DataError, read_arrays, read_hdf5
from cfgrl.files._hdf5 import hdf5_names

h5py = pytest.importorskip("h5py")
RNG = np.random.default_rng(0)
ARRAYS = {
    "plain": RNG.normal(size=(50, 4)).astype(np.float32),
    "infos/qpos": RNG.normal(size=(50, 2)),
    "infos/more/count": np.arange(7),
    "big_endian": np.arange(3, dtype=">f4"),
    "half": np.ones(3, np.float16),
    "flags": np.array([True, False]),
    "pixels": RNG.integers(0, 256, (3, 4, 4, 3)).astype(np.uint8),
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 3)),
}
STORED = {
    "gzip": {"compression": "gzip", "chunks": (20, 3)},
    "lzf": {"compression": "lzf", "chunks": (20, 3)},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (20, 3)},
    "resizable": {"maxshape": (None, 3)},
    "chunked": {"chunks": (7, 2)},
}


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        for name, array in ARRAYS.items():
            file[name] = array
    return tmp_path / "a.hdf5"


def test_reads_what_h5py_writes(path: pathlib.Path) -> None:
    read = read_hdf5(path)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype, name
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("how", STORED)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_however_it_is_stored(tmp_path: pathlib.Path, how: str, libver: str) -> None:
    array = RNG.normal(size=(90, 3)).astype(np.float32)
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        file.create_dataset("x", data=array, **STORED[how])
    np.testing.assert_array_equal(read_hdf5(tmp_path / "a.h5")["x"], array)


def test_a_chunk_whose_filter_was_left_out_is_read(tmp_path: pathlib.Path) -> None:
    array = np.arange(8, dtype=np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("x", (8,), "f4", chunks=(8,), compression="gzip")
        made.id.write_direct_chunk((0,), array.tobytes(), filter_mask=1)
    np.testing.assert_array_equal(read_hdf5(tmp_path / "a.h5")["x"], array)


def test_only_what_is_wanted_is_looked_at(path: pathlib.Path) -> None:
    with h5py.File(path, "a") as file:
        file["metadata/algorithm"] = "SAC"
        file["elsewhere"] = h5py.ExternalLink("other.hdf5", "/x")
    read = read_hdf5(path, keys=("infos/qpos", "absent", "infos/absent", "plain/no/group", "/flags"))
    assert read.keys() == {"infos/qpos", "/flags"}
    with pytest.raises(DataError, match="elsewhere is a link into another file, 'other.hdf5'"):
        read_hdf5(path)
    with pytest.raises(DataError, match="infos is no array"):
        read_hdf5(path, keys=("infos",))


def test_names_leave_out_text(path: pathlib.Path) -> None:
    with h5py.File(path, "a") as file:
        file["metadata/algorithm"] = "SAC"
    assert set(hdf5_names(path)) == ARRAYS.keys()


def test_memory_is_capped(path: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"would take 800 bytes of memory; at most 799 bytes are read"):
        read_hdf5(path, keys=("plain",), max_bytes=799)
    assert read_hdf5(path, keys=("plain",), max_bytes=800)


def test_without_h5py_the_extra_is_named(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(DataError, match=r"needs h5py: pip install 'cfgrl\[d4rl\]'"):
        read_hdf5(path)


@pytest.mark.parametrize("name", ["a.hdf5", "misnamed.npz"])
def test_the_first_bytes_decide(path: pathlib.Path, name: str) -> None:
    path = path.rename(path.with_name(name))
    read = read_arrays(path, {"observations": "plain", "rewards": "rew"}, optional=("rewards",))
    np.testing.assert_array_equal(read["observations"], ARRAYS["plain"])
    assert read.keys() == {"observations"}
    with open(path, "wb") as file:  # given a path, NumPy would add the usual ending
        np.savez(file, plain=np.ones(3))
    np.testing.assert_array_equal(read_arrays(path, {"x": "plain"})["x"], np.ones(3))


def test_a_wrong_name_lists_the_names(path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="no array 'info/qpos' for observations; did you mean 'infos/qpos'") as caught:
        read_arrays(path, {"observations": "info/qpos"})
    assert all(name in str(caught.value) for name in ARRAYS)
