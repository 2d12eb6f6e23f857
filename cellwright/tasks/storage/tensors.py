"""Tensors to and from safetensors bytes; the header is checked in full before any tensor is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from cellwright.errors import StorageError
from cellwright.tasks.storage.atomic import REPAIR, no_duplicates

__all__ = ["TensorSpec", "read_tensors", "specs", "tensor_names", "tensors_to_bytes"]

MAX_HEADER_BYTES = 1 << 20
MAX_TENSORS = 10_000
MAX_AXES = 8

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class TensorSpec(NamedTuple):
    """What a stored tensor must be."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def specs(tensors: Mapping[str, Tensor]) -> dict[str, TensorSpec]:
    """Shape and dtype of each tensor, as `read_tensors` expects them."""
    return {name: TensorSpec(tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}


def tensors_to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """The tensors as one safetensors file; any device, any layout; tied tensors are stored once a name."""
    if len(tensors) > MAX_TENSORS:
        raise StorageError(
            f"Expected at most {MAX_TENSORS:,} tensors, found {len(tensors):,}.", repair="Pack them into fewer."
        )
    for name, tensor in tensors.items():
        if tensor.dtype not in DTYPES.values():
            raise StorageError(f"Expected a dtype of {', '.join(DTYPES)} for {name}, found {tensor.dtype}.")
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(plain)


def read_tensors(
    data: bytes,
    expected: Mapping[str, TensorSpec] | None = None,
    *,
    optional: Mapping[str, TensorSpec] | None = None,
    place: str | Path | None = None,
) -> dict[str, Tensor]:
    """Tensors of a safetensors file.

    Args:
        data: the whole file.
        expected: names, shapes and dtypes, all of which must be there; None accepts any.
        optional: names that may be there too.
        place: the file, for messages.

    Raises:
        StorageError: header over 1 MiB, over 10,000 tensors, a name twice, holes or overlaps, a size that does not
            fit, a name, shape or dtype other than expected. Nothing is allocated before all of that is checked.
    """
    header = _header(data, place)
    if expected is not None:
        _check_expected(header, expected, optional or {}, place)
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise _refused(f"Expected a safetensors file, found: {error}.", place) from None


def tensor_names(data: bytes, place: str | Path | None = None) -> frozenset[str]:
    """Names of the tensors of a safetensors file. Raises StorageError, as `read_tensors` does."""
    return frozenset(_header(data, place))


def _header(data: bytes, place: str | Path | None) -> dict[str, TensorSpec]:
    if len(data) < 8:
        raise _refused(f"Expected a safetensors file, found {len(data)} bytes.", place)
    size = int.from_bytes(data[:8], "little")
    if size > MAX_HEADER_BYTES or 8 + size > len(data):
        limit = min(MAX_HEADER_BYTES, len(data) - 8)
        raise _refused(f"Expected a safetensors header of at most {limit:,} bytes, found {size:,}.", place)
    try:
        header = json.loads(data[8 : 8 + size].decode("utf-8"), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise _refused(f"Expected a JSON header, found: {error}.", place) from None
    if not isinstance(header, dict):
        raise _refused("Expected a JSON header of tensor names, found another value.", place)
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise _refused(f"Expected at most {MAX_TENSORS:,} tensors, found {len(header):,}.", place)
    found = {name: _entry(name, entry, place) for name, entry in header.items()}
    _check_layout(found, len(data) - 8 - size, place)
    return {name: spec for name, (spec, _, _) in found.items()}


def _entry(name: str, entry: Any, place: str | Path | None) -> tuple[TensorSpec, int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refused(f"Expected dtype, shape and data_offsets for tensor {name[:80]!r}.", place)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _refused(f"Expected a dtype of {', '.join(DTYPES)} for {name[:80]!r}, found {str(dtype)[:40]!r}.", place)
    if not _sizes(shape) or len(shape) > MAX_AXES or not _sizes(offsets) or len(offsets) != 2:
        raise _refused(f"Expected sizes for tensor {name[:80]!r}, found {str(shape)[:60]}, {str(offsets)[:60]}.", place)
    start, end = offsets
    needed = math.prod(shape) * DTYPES[dtype].itemsize
    if end - start != needed:
        raise _refused(f"Expected {needed:,} bytes for tensor {name[:80]!r} {shape}, found {end - start:,}.", place)
    return TensorSpec(tuple(shape), DTYPES[dtype]), start, end


def _sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _check_layout(found: Mapping[str, tuple[TensorSpec, int, int]], size: int, place: str | Path | None) -> None:
    """The tensors must fill the rest of the file exactly, one after the other."""
    position = 0
    for name, (_, start, end) in sorted(found.items(), key=lambda item: item[1][1:]):
        if start != position:
            raise _refused(f"Expected tensor {name[:80]!r} at byte {position:,}, found {start:,}.", place)
        position = end
    if position != size:
        raise _refused(f"Expected {position:,} bytes of tensors, found {size:,}.", place)


def _check_expected(
    header: Mapping[str, TensorSpec],
    expected: Mapping[str, TensorSpec],
    optional: Mapping[str, TensorSpec],
    place: str | Path | None,
) -> None:
    if missing := sorted(expected.keys() - header.keys()):
        raise _refused(f"Expected a tensor {missing[0]}, found none ({len(missing)} missing).", place, CONFIG_REPAIR)
    allowed = {**optional, **expected}
    if extra := sorted(header.keys() - allowed.keys()):
        raise _refused(f"Expected {len(expected)} known tensors, found also {extra[0][:80]!r}.", place, CONFIG_REPAIR)
    for name, spec in header.items():
        if spec != allowed[name]:
            shape, dtype = allowed[name]
            raise _refused(
                f"Expected {name} as {shape} {dtype}, found {spec.shape} {spec.dtype}.", place, CONFIG_REPAIR
            )


CONFIG_REPAIR = "The tensors belong to other settings or other data: use those they were saved with."


def _refused(message: str, place: str | Path | None, repair: str = REPAIR) -> StorageError:
    return StorageError(message, file=place, repair=repair)
