"""Whether one array of an HDF5 file lies whole inside the file, and what reading it takes.

HDF5 follows a description wherever it leads: to raw bytes of any other file, to a filter in a library that it then
loads, to chunks that nobody wrote. It inflates a chunk for as long as there is something to inflate. All of that is
settled here, before the library reads a value.
"""

import math
import zlib
from typing import Any, NamedTuple

import numpy as np

from cfgrl._errors import DataError
from cfgrl.files._spill import LARGE, allocate

#: The filters that are part of HDF5 or h5py, by their registered number; all others would be loaded from somewhere.
_DEFLATE, _SHUFFLE, _FLETCHER32, _SZIP, _LZF = 1, 2, 3, 4, 32000
_MAX_CHUNKS = 1_000_000
_COMPRESSING = (_DEFLATE, _SZIP, _LZF)
#: What the classes of HDF5 types that are not read hold.
_OTHERS = {
    "STRING": "text",
    "COMPOUND": "records",
    "REFERENCE": "references",
    "VLEN": "lists of varying length",
    "OPAQUE": "opaque bytes",
    "BITFIELD": "bit fields",
    "ARRAY": "arrays as elements",
    "ENUM": "an enumeration",
    "TIME": "times",
}


class _Chunk(NamedTuple):
    """Where a chunk begins in its array, and which of its filters were left out (a bit for each)."""

    offset: tuple[int, ...]
    skipped: int
    stored: int


def refuse_indirect(dataset: Any, where: str) -> None:
    """Raise `DataError` for an array whose values lie outside the file, or need foreign code to be read.

    Asks for nothing that makes HDF5 open another file, as the shape of a virtual array does.
    """
    import h5py

    description = dataset.id.get_create_plist()
    if description.get_external_count():
        raise DataError(f"{where} lies in other files (external storage): nothing outside a file is read.")
    if description.get_layout() == h5py.h5d.VIRTUAL:
        raise DataError(f"{where} is put together from other files (a virtual data set): nothing outside is read.")
    codes = _filters(dataset)
    for code in codes:
        if code not in (_DEFLATE, _SHUFFLE, _FLETCHER32, _SZIP, _LZF):
            raise DataError(f"{where} is stored with filter {code}, which only foreign code reads: use gzip or none.")
    if sum(code in _COMPRESSING for code in codes) > 1:
        raise DataError(f"{where} is compressed more than once: refused as a decompression bomb.")
    after = [code for i, code in enumerate(codes) if any(earlier in _COMPRESSING for earlier in codes[:i])]
    if any(code != _FLETCHER32 for code in after):  # what would be inflated is then not what the file shows
        raise DataError(f"{where} is shuffled after it was compressed, which no usual program does: refused.")


def element_type(dataset: Any, where: str) -> np.dtype:
    """The type of an array's elements. Raises `DataError` if they are neither numbers nor booleans."""
    import h5py

    kind = dataset.id.get_type().get_class()
    if kind in (h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        return dataset.dtype
    if kind == h5py.h5t.ENUM and dataset.dtype.kind == "b":  # what h5py writes for booleans
        return dataset.dtype
    what = next((text for name, text in _OTHERS.items() if getattr(h5py.h5t, name) == kind), "something else")
    raise DataError(f"{where} holds {what}; only numbers and booleans are read, never objects.")


def unfolded_size(dataset: Any, where: str) -> int:
    """How many bytes reading takes by what the array says of itself."""
    itemsize = element_type(dataset, where).itemsize
    if dataset.shape is None:
        raise DataError(f"{where} has no values at all (a null data space).")
    size = math.prod(dataset.shape) * itemsize
    return size if not dataset.chunks else max(size, _n_chunks(dataset) * math.prod(dataset.chunks) * itemsize)


def read_array(dataset: Any, where: str, on_disk: int) -> np.ndarray:
    """Read an array that passed the checks above, after a look at how it is stored in a file of `on_disk` bytes."""
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size and dataset.chunks:
        _check_chunks(dataset, where, on_disk)
    elif size and dataset.id.get_storage_size() != size:
        stored = dataset.id.get_storage_size()
        raise DataError(f"{where}: its shape promises {size:,} bytes, but {stored:,} were written.")
    if size <= LARGE:
        return np.asarray(dataset[()])
    array = allocate(math.prod(dataset.shape), dataset.dtype).reshape(dataset.shape)
    dataset.read_direct(array)
    return array


def _check_chunks(dataset: Any, where: str, on_disk: int) -> None:
    """All chunks are there, lie in the file, and unfold to exactly their size."""
    expected, found = _n_chunks(dataset), []
    if expected > _MAX_CHUNKS:
        raise DataError(f"{where} is cut into {expected:,} chunks; at most {_MAX_CHUNKS:,} are read.")

    def note(info: Any) -> bool | None:
        found.append(_Chunk(tuple(info.chunk_offset), info.filter_mask, info.size))
        return True if len(found) > expected else None  # anything but None ends the iteration

    dataset.id.chunk_iter(note)
    if len(found) != expected:
        raise DataError(f"{where}: of its {expected:,} chunks {len(found):,} were written: make the file again.")
    if sum(chunk.stored for chunk in found) > on_disk:
        raise DataError(f"{where}: its chunks claim more bytes than the file has.")
    codes = _filters(dataset)
    unfolded = math.prod(dataset.chunks) * dataset.dtype.itemsize
    for position, code in enumerate(codes):
        if code in (_DEFLATE, _SZIP):
            size = unfolded + 4 * codes[:position].count(_FLETCHER32)  # a checksum has four bytes
            for chunk in found:
                if not chunk.skipped & (1 << position):
                    _check_chunk(dataset, chunk, code, size, where)


def _check_chunk(dataset: Any, chunk: _Chunk, code: int, size: int, where: str) -> None:
    """Refuse a chunk that is a bomb. LZF is left to the library: it cannot unfold to more than 88 times its size."""
    raw = dataset.id.read_direct_chunk(chunk.offset)[1]
    if code == _SZIP:
        unfolded = int.from_bytes(raw[:4], "little")  # what the filter will allocate
    else:
        stream = zlib.decompressobj()
        unfolded = len(stream.decompress(raw, size + 1))
        if not stream.eof and unfolded <= size:
            raise DataError(f"{where}: the chunk at {chunk.offset} is truncated: fetch or make the file again.")
    if unfolded != size:
        more = "at least " if unfolded > size else ""
        raise DataError(
            f"{where}: the chunk at {chunk.offset} unfolds to {more}{unfolded:,} bytes instead of {size:,}: refused."
        )


def _filters(dataset: Any) -> list[int]:
    """The numbers of an array's filters, in the order of writing."""
    description = dataset.id.get_create_plist()
    return [description.get_filter(i)[0] for i in range(description.get_nfilters())]


def _n_chunks(dataset: Any) -> int:
    return math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
