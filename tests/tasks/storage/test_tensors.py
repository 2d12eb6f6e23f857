"""Tensors come back bit for bit; any other bytes are refused before a tensor is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.errors import StorageError
from cellwright.tasks.storage.tensors import DTYPES, TensorSpec, read_tensors, specs, tensors_to_bytes


def raw(header: Any, body: bytes = b"", *, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + body


def tensor(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    as_bytes = [t.contiguous().view(torch.uint8) if t.ndim else t.reshape(1).view(torch.uint8) for t in (a, b)]
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*as_bytes)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (2, 0, 4), (1, 2, 1, 2, 1, 2, 1, 2)], ids=str)
def test_every_dtype_and_shape_comes_back_bit_for_bit(dtype, shape):
    values = torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    if dtype.is_floating_point:
        values = values / 3
    found = read_tensors(tensors_to_bytes({"x": values}), specs({"x": values}))
    assert list(found) == ["x"]
    assert same(found["x"], values)


def test_nan_inf_and_minus_zero_come_back_bit_for_bit():
    values = torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-45])
    assert same(read_tensors(tensors_to_bytes({"x": values}))["x"], values)


def test_views_parameters_and_tied_tensors_are_stored_as_their_values():
    base = torch.arange(12.0).reshape(3, 4)
    weight = torch.nn.Parameter(base)
    tensors = {
        "turned": base.T,
        "slice": base[:, 1:3],
        "tied": weight,
        "tied_too": weight,
        "one": base[0, :1].expand(5),
    }
    found = read_tensors(tensors_to_bytes(tensors), specs(tensors))
    assert all(same(found[name], value.detach()) for name, value in tensors.items())
    assert not found["tied"].requires_grad


def test_no_tensor_at_all_is_a_file_too():
    assert read_tensors(tensors_to_bytes({}), {}) == {}


def test_a_dtype_outside_the_list_is_named_on_writing():
    with pytest.raises(StorageError, match=r"for z, found torch\.complex64"):
        tensors_to_bytes({"z": torch.zeros(2, dtype=torch.complex64)})


def test_too_many_tensors_are_refused_both_ways():
    one = torch.zeros(0)
    with pytest.raises(StorageError, match="10,000"):
        tensors_to_bytes({str(i): one for i in range(10_001)})
    header = {str(i): tensor("U8", [0], (0, 0)) for i in range(10_001)}
    with pytest.raises(StorageError, match=r"10,000|header of at most"):
        read_tensors(raw(header))


EXPECTED = {"a": TensorSpec((2,), torch.float32), "b": TensorSpec((1,), torch.int64)}
VALUES = {"a": torch.ones(2), "b": torch.zeros(1, dtype=torch.int64)}


def test_a_missing_tensor_is_named():
    with pytest.raises(StorageError, match=r"Expected a tensor b, found none \(1 missing\)"):
        read_tensors(tensors_to_bytes({"a": VALUES["a"]}), EXPECTED)


def test_an_extra_tensor_is_named_and_an_optional_one_accepted():
    data = tensors_to_bytes({**VALUES, "stranger": torch.ones(3)})
    with pytest.raises(StorageError, match="found also 'stranger'"):
        read_tensors(data, EXPECTED)
    with pytest.raises(StorageError, match="stranger"):
        read_tensors(data, EXPECTED, optional={"stranger": TensorSpec((4,), torch.float32)})
    found = read_tensors(
        data, EXPECTED, optional={"stranger": TensorSpec((3,), torch.float32), "absent": EXPECTED["a"]}
    )
    assert set(found) == {"a", "b", "stranger"}


@pytest.mark.parametrize("other", [torch.ones(3), torch.ones(2, 1), torch.ones(2, dtype=torch.float64), torch.ones(())])
def test_another_shape_or_dtype_is_named(other):
    with pytest.raises(StorageError, match=r"(?s)Expected a as \(2,\) torch\.float32, found .*weights/file"):
        read_tensors(tensors_to_bytes({**VALUES, "a": other}), EXPECTED, place="weights/file")


EIGHT = b"\0" * 8
HOSTILE = {
    "overlap": raw({"a": tensor(), "b": tensor(offsets=(4, 12))}, b"\0" * 12),
    "same place": raw({"a": tensor(), "b": tensor()}, EIGHT),
    "hole": raw({"a": tensor(), "b": tensor(offsets=(12, 20))}, b"\0" * 20),
    "does not start at 0": raw({"a": tensor(offsets=(8, 16))}, b"\0" * 16),
    "beyond the end": raw({"a": tensor(shape=[4], offsets=(0, 16))}, EIGHT),
    "bytes left over": raw({"a": tensor()}, EIGHT + b"\0"),
    "negative shape": raw({"a": tensor(shape=[-2], offsets=(0, 8))}, EIGHT),
    "negative twice": raw({"a": tensor(shape=[-1, -2], offsets=(0, 8))}, EIGHT),
    "negative offset": raw({"a": tensor(offsets=(-8, 0))}, EIGHT),
    "end before start": raw({"a": tensor(offsets=(8, 0))}, EIGHT),
    "huge shape": raw({"a": tensor(shape=[2**62], offsets=(0, 2**64))}, EIGHT),
    "product wraps": raw({"a": tensor(shape=[2**32, 2**32], offsets=(0, 0))}),
    "empty but huge": raw({"a": tensor(shape=[0, 2**47, 2**47, 2**47], offsets=(0, 0))}),
    "float shape": raw({"a": tensor(shape=[2.0])}, EIGHT),
    "bool shape": raw({"a": tensor(shape=[True, 2])}, EIGHT),
    "text shape": raw({"a": {"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}}, EIGHT),
    "nine axes": raw({"a": tensor(shape=[1] * 8 + [2])}, EIGHT),
    "three offsets": raw({"a": tensor(offsets=(0, 4, 8))}, EIGHT),
    "unknown dtype": raw({"a": tensor("F8_E4M3", [8])}, EIGHT),
    "dtype of another size": raw({"a": tensor("F64")}, EIGHT),
    "dtype is a list": raw({"a": {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}}, EIGHT),
    "a key too many": raw({"a": {**tensor(), "code": "import os"}}, EIGHT),
    "a key missing": raw({"a": {"dtype": "F32", "shape": [2]}}, EIGHT),
    "no table": raw({"a": 3}, EIGHT),
    "a list": raw([tensor()], EIGHT),
    "a name twice": raw(b'{"a": %s, "a": %s}' % ((json.dumps(tensor()).encode(),) * 2), EIGHT),
    "key twice in an entry": raw(
        b'{"a": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', EIGHT
    ),
    "lone surrogate": raw(b'{"\\ud800": %s}' % json.dumps(tensor()).encode(), EIGHT),
    "metadata is a number": raw({"__metadata__": 3, "a": tensor()}, EIGHT),
    "metadata of numbers": raw({"__metadata__": {"x": 3}, "a": tensor()}, EIGHT),
    "nan": raw(b'{"a": NaN}', EIGHT),
    "many digits": raw(b'{"a": ' + b"9" * 5000 + b"}", EIGHT),
    "deep": raw(b'{"a": ' + b"[" * 50_000, EIGHT),
    "not utf-8": raw(b'{"\xff": 1}', EIGHT),
    "header longer than the file": raw({"a": tensor()}, EIGHT, size=10_000),
    "header of 2^64 - 1": raw({"a": tensor()}, EIGHT, size=2**64 - 1),
    "header over 1 MiB": raw({"__metadata__": {"x": "y" * (1 << 20)}, "a": tensor()}, EIGHT),
    "empty header": raw(b"", EIGHT),
    "no bytes": b"",
    "seven bytes": b"\0" * 7,
    "a pickle": b"\x80\x02}q\x00." + b"\0" * 40,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(data):
    with pytest.raises(StorageError):
        read_tensors(data, place="x")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("overlap", "Expected tensor 'b' at byte 8, found 4."),
        ("same place", "Expected tensor 'b' at byte 8, found 0."),
        ("hole", "Expected tensor 'b' at byte 8, found 12."),
        ("bytes left over", "Expected 8 bytes of tensors, found 9."),
        ("beyond the end", "Expected 16 bytes of tensors, found 8."),
        ("dtype of another size", "Expected 16 bytes for tensor 'a' [2], found 8."),
        (
            "product wraps",
            "Expected 73,786,976,294,838,206,464 bytes for tensor 'a' [4294967296, 4294967296], found 0.",
        ),
    ],
)
def test_a_layout_that_does_not_fit_is_named_before_safetensors_sees_it(case, message):
    with pytest.raises(StorageError) as caught:
        read_tensors(HOSTILE[case], place="x")
    assert caught.value.message == message


GOOD = tensors_to_bytes({"a": torch.arange(4.0), "b": torch.arange(3), "c": torch.ones(2, 2, dtype=torch.bfloat16)})


def test_every_truncation_is_refused():
    for size in range(len(GOOD)):
        with pytest.raises(StorageError):
            read_tensors(GOOD[:size])


def test_every_flipped_byte_of_the_header_is_refused_or_keeps_shapes_expected():
    spec = specs(read_tensors(GOOD))
    refused = 0
    length = 8 + int.from_bytes(GOOD[:8], "little")
    for position in range(length):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            bad = bytearray(GOOD)
            bad[position] ^= mask
            try:
                assert specs(read_tensors(bytes(bad), spec)) == spec
            except StorageError:
                refused += 1
    assert refused > 8 * length  # swapped offsets of equal sizes are for the folder's sha256 to find


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_are_refused(data, with_length):
    with pytest.raises(StorageError):
        read_tensors(raw(data) if with_length else data, {"a": TensorSpec((1,), torch.float32)})


sizes = st.integers(-3, 20) | st.sampled_from([2**31, 2**32, 2**47, 2**63, 2**64]) | st.none() | st.floats()


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "U8", "BOOL", "F4", None]),
                "shape": st.lists(sizes, max_size=4),
                "data_offsets": st.lists(sizes, min_size=2, max_size=2),
            }
        ),
        min_size=1,
        max_size=3,
    )
)
def test_random_headers_are_refused_or_fit_the_file_exactly(header):
    data = raw(header, b"\0" * 16)
    try:
        found = read_tensors(data)
    except StorageError:
        return
    assert sum(t.numel() * t.element_size() for t in found.values()) == 16
