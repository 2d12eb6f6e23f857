"""The numbers behind `lower.math`, one row a float format.

The coefficients are least-maximum (Remez) fits made for this file; tests/engine/lower/test_math.py makes them again.
A coefficient is the shortest decimal that names the number of its format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["DOUBLE", "FLOAT", "Format"]


@dataclass(frozen=True, slots=True)
class Format:
    """One IEEE 754 format and its polynomials, lowest power first.

    Attributes:
        bits: of the whole number.
        mantissa: stored bits of the fraction.
        ln2: ln 2 as high part + low part; n · high is exact for every exponent n.
        exp: q of eʳ = 1 + r + r² q(r) for r in [0, ln 2].
        expm1: the same q for r in [-ln 2 / 2, ln 2 / 2].
        atanh: T of 2 atanh(s) = 2s + s z T(z), z = s², for s in [-1/3, 1/3].
    """

    bits: int
    mantissa: int
    ln2: tuple[float, float]
    exp: tuple[float, ...]
    expm1: tuple[float, ...]
    atanh: tuple[float, ...]

    @property
    def bias(self) -> int:
        """What the stored exponent is above the true one."""
        return (1 << (self.bits - self.mantissa - 2)) - 1

    def pattern(self, value: float) -> int:
        """The bits of `value` in this format."""
        return int.from_bytes(struct.pack(">f" if self.bits == 32 else ">d", value), "big")


FLOAT = Format(
    bits=32,
    mantissa=23,
    ln2=(0.693359375, -0.00021219444005469057),
    exp=(0.50000226, 0.16663192, 0.041854963, 0.007868455, 0.0019124715),
    expm1=(0.49999994, 0.16666521, 0.041668385, 0.008368707, 0.0013814612),
    atanh=(0.6666641, 0.40021694, 0.27999216, 0.28024077),
)

DOUBLE = Format(
    bits=64,
    mantissa=52,
    ln2=(0.6931471805601177, -1.7239444525614835e-13),
    exp=(
        0.4999999999999738, 0.1666666666679053, 0.041666666643820224, 0.008333333556862312, 0.0013888875762304287,
        0.00019841760604105729, 2.478963243652055e-05, 2.7745915548522263e-06, 2.5710689343287186e-07,
        3.50683786199714e-08,
    ),
    expm1=(
        0.5000000000000011, 0.16666666666666413, 0.04166666666653028, 0.008333333333494262, 0.0013888888943593299,
        0.00019841269506920518, 2.4801493141158627e-05, 2.7557586154485495e-06, 2.7630232034946494e-07,
        2.500010254118362e-08,
    ),
    atanh=(
        0.6666666666666631, 0.40000000000157243, 0.28571428547853855, 0.22222223969729563, 0.18181743925176552,
        0.15386559913149864, 0.1330097377718884, 0.12106084270161854, 0.08340112171163552, 0.17018552002960072,
    ),
)  # fmt: skip
