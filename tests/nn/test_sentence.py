"""What a bidirectional layer says of 我爱中国 (mission row D17)."""

from __future__ import annotations

import pytest
import torch

from cellwright import cells
from cellwright.nn import LSTM, Recurrent

H = 5


@pytest.mark.parametrize("words", [["我", "爱", "中国"], ["我", "爱", "中", "国"]], ids=["words", "characters"])
def test_each_word_has_its_left_and_its_right_and_the_sentence_both_ends(words: list[str]) -> None:
    """Outputs [hL0, hR2], [hL1, hR1], [hL2, hR0] for three words; the sentence is [hL2, hR2]."""
    torch.manual_seed(0)
    layer = Recurrent(cells.LSTM(), 4, H, bidirectional=True).double()
    table = {word: torch.randn(4, dtype=torch.float64) for word in words}
    x_TBI = torch.stack([table[word] for word in words])[:, None]
    y_TBO, (h, _) = layer(x_TBI)
    last = len(words) - 1

    def alone(suffix: str, x_TBI: torch.Tensor) -> torch.Tensor:
        """hL or hR after each word read, by the reference meaning of one direction."""
        single = Recurrent(cells.LSTM(), 4, H).double()
        single.load_state_dict(
            {k.removesuffix(suffix): v for k, v in layer.state_dict().items() if k.endswith(f"l0{suffix}")}
        )
        return single(x_TBI)[0][:, 0]

    left, right = alone("", x_TBI), alone("_reverse", x_TBI.flip(0))
    for t in range(len(words)):
        expected = torch.cat([left[t], right[last - t]])
        assert torch.allclose(y_TBO[t, 0], expected, rtol=0, atol=1e-12)
    sentence = torch.cat([h[0, 0], h[1, 0]])
    assert torch.allclose(sentence, torch.cat([left[last], right[last]]), rtol=0, atol=1e-12)


def test_the_drop_in_says_the_same() -> None:
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(4, H, bidirectional=True).double()
    ours = LSTM(4, H, bidirectional=True).double()
    ours.load_state_dict(theirs.state_dict())
    x_TBI = torch.randn(3, 1, 4, dtype=torch.float64)
    assert torch.allclose(ours(x_TBI)[0], theirs(x_TBI)[0], rtol=0, atol=1e-12)
