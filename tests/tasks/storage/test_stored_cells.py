"""A model of any cell comes back from its folder with its weights: the library's with options, and one's own that has
the name and the equations of one of the library's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from cellwright import ops
from cellwright.cells import CELLS, GRU, LSTM, LSTMP, SLSTM, Cell, Elman, PeepholeLSTM
from cellwright.nn import layer
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.storage.model_folder import read_model, write_model
from cellwright.tasks.training.config import Section

I, H = 3, 4


def namesake(kind: type[Cell], *arguments: object) -> Callable[[], Cell]:
    """A user's class of the same name and equations as `kind`."""
    return lambda: type(kind.__name__, (kind,), {"step": kind.step})(*arguments)


MAKERS: dict[str, Callable[[], Cell]] = {
    "LSTM": LSTM,
    "GRU": GRU,
    "Elman": Elman,
    "Elman(relu)": lambda: Elman(ops.relu),
    "Elman(sigmoid)": lambda: Elman(ops.sigmoid),
    "LSTMP(2)": lambda: LSTMP(2),
    "PeepholeLSTM": PeepholeLSTM,
    "PeepholeLSTM(if)": lambda: PeepholeLSTM("if"),
    "SLSTM(exp_forget)": lambda: SLSTM(exp_forget=True),
    "my LSTM": namesake(LSTM),
    "my GRU": namesake(GRU),
    "my Elman": namesake(Elman),
    "my LSTMP": namesake(LSTMP, 2),
    "my PeepholeLSTM": namesake(PeepholeLSTM),
}


class Net(nn.Module):
    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.layers = nn.ModuleList([layer(cell, I, H)])


@pytest.mark.parametrize("name", MAKERS)
def test_a_model_of_any_cell_comes_back(name: str, tmp_path: Path) -> None:
    cell = MAKERS[name]()
    net = Net(cell).eval()
    data = stored_cell(cell, [(I, H)])
    write_model(tmp_path / "m", "toy", net, model=Section(), cell=data, data={}, metrics={}, files={})
    stored = read_model(tmp_path / "m", "toy")
    found = stored.cell
    assert found is not None
    assert found.name == cell.name
    again = stored.network(lambda: Net(found))
    x = torch.randn(5, 2, I, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(again.layers[0](x)[0], net.layers[0](x)[0])
    if type(cell) is CELLS[cell.name] and name in (*CELLS, "Elman(relu)", "LSTMP(2)"):
        assert type(found) is type(cell)  # so that equations and pages print the library's own text
