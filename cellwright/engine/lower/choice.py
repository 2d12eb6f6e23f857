"""Whether the products of a cell of bfloat16 weights read bfloat16 or float32 matrices: one choice for all of them.

It depends on the instruction set and on sizes alone, never on the rows of a call, so that the bits of a row do not
depend on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.engine.lower.bfloat16 import WIDEST
from cellwright.engine.lower.target import Target
from cellwright.engine.plan import Product, Program
from cellwright.engine.spots import padded
from cellwright.errors import ConfigError

__all__ = ["LARGE", "PRODUCTS", "Choice", "choose", "depth_of"]

PRODUCTS = ("auto", "bfloat16", "float32")
LARGE = 2 << 20
"""Bytes of float32 matrices from which reading half as many pays without an instruction for bfloat16."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What products read, and why, in words."""

    bfloat16: bool
    why: str

    def __str__(self) -> str:
        return f"{'bfloat16' if self.bfloat16 else 'float32'}: {self.why}"


def depth_of(product: Product, lanes: int) -> int:
    """K of a product as it runs."""
    blocks = product.blocks
    return blocks[0] if len(blocks) == 1 else sum(padded(n, lanes) for n in blocks)


def choose(programs: Sequence[Program], target: Target, asked: str = "auto") -> Choice:
    """The choice for all programs of a plan.

    Args:
        programs: forward, then others, which multiply by the same matrices.
        asked: one of PRODUCTS.

    Raises:
        ConfigError: `asked` is none of them.
    """
    if asked not in PRODUCTS:
        raise ConfigError(f"no products of {asked!r}", repair=f"Choose one of {', '.join(PRODUCTS)}.")
    products = programs[0].products
    if asked == "float32" or not products:
        return Choice(False, "asked for" if products else "there is none in the loop")
    widest = max(depth_of(product, target.lanes) for program in programs for product in program.products)
    if widest > WIDEST:
        return Choice(False, f"a row of {widest} numbers is longer than the {WIDEST} that are rounded at a time")
    if asked == "bfloat16":
        return Choice(True, "asked for")
    if target.isa.multiplies_pairs:
        return Choice(True, f"{target.isa.name} has an instruction for pairs of bfloat16")
    size = sum(4 * depth_of(product, target.lanes) * sum(product.sizes) for product in products)
    what = f"{target.isa.name} has no instruction for pairs of bfloat16, and {size / 2**20:.2g} MiB in float32"
    if size >= LARGE:
        return Choice(True, f"{what}, at least {LARGE >> 20}, take longer to read than half as many")
    return Choice(False, f"{what}, less than {LARGE >> 20}, stay in near caches")
