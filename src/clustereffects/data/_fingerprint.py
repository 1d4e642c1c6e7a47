"""Hashes of panels that depend on every value and on no order of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.data._numbers import as_text
from clustereffects.data._rows import blocks

WordArray = NDArray[np.uint64]
_DIGITS = 32
_WORDS = 2**64
_SEED = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def of_units(units: pd.Index[Any], groups: NDArray[np.object_] | None, arrays: Iterable[NDArray[Any]]) -> str:
    """Hash of arrays whose first axis or whole order is fixed by sorted units and periods.

    SHA-256 is the fastest of Python's hashes where the processor computes it, and arrays are hashed where they lie.
    """
    digest = hashlib.sha256()
    for part in _parts_of_index(units):
        digest.update(part)
    if groups is not None:
        codes, names = pd.factorize(groups)
        digest.update("\n".join(f"{len(str(name))} {name}" for name in names).encode())
        digest.update(codes.astype(np.int64).tobytes())
    for array in arrays:
        digest.update(f"{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).data)
    return digest.hexdigest()[:_DIGITS]


def of_rows(numbers: Sequence[NDArray[Any]], labels: Sequence[pd.Series]) -> str:
    """Hash of rows in any order: each row is mixed into one word, and words are added up twice over.

    References
    ----------
    Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators", for the mixing of words.
    """
    columns = [np.ascontiguousarray(values).view(np.uint64) for values in numbers]
    columns += [_words(values) for values in labels]
    sums = [0, 0]
    count = len(columns[0])
    for block in blocks(count, 1 << 14):
        words = np.full(block.stop - block.start, _SEED)
        for column in columns:
            _mix(words, column[block])
        sums[0] += int(words.sum())
        _mix(words, words)
        sums[1] += int(words.sum())
    return hashlib.sha256(f"rows {count} {len(columns)} {sums[0] % _WORDS} {sums[1] % _WORDS}".encode()).hexdigest()[
        :_DIGITS
    ]


def _mix(words: WordArray, values: WordArray) -> None:
    """Stir one value into each word, in place."""
    words ^= values
    words += _SEED
    words ^= words >> np.uint64(30)
    words *= _FIRST
    words ^= words >> np.uint64(27)
    words *= _SECOND
    words ^= words >> np.uint64(31)


def _words(values: pd.Series) -> WordArray:
    """A word for each value of any type, the same word for the same value; 0 for a missing one."""
    codes, seen = pd.factorize(values)
    words = np.append(pd.util.hash_pandas_object(pd.Index(seen), index=False).to_numpy(dtype=np.uint64), np.uint64(0))
    return np.asarray(words[codes])


def _parts_of_index(units: pd.Index[Any]) -> Iterable[Any]:
    """Bytes of an index, the same for the same units whatever type of column they come from."""
    if pd.api.types.is_integer_dtype(units.dtype):
        return (b"integer", units.to_numpy().astype(np.int64))
    text = as_text(units)
    if text is None:
        return (b"other", pd.util.hash_pandas_object(units, index=False).to_numpy())
    import pyarrow as pa

    whole = (pa.concat_arrays(text.chunks) if isinstance(text, pa.ChunkedArray) else text).cast(pa.large_string())
    ends = np.frombuffer(whole.buffers()[1], dtype=np.int64)[whole.offset : whole.offset + len(whole) + 1]
    return (b"text", ends - ends[0], whole.buffers()[2][int(ends[0]) : int(ends[-1])])
