"""The network: Keras's counts, layers by name, any cell, and what its answers depend on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.errors import ConfigError, DataError
from cellwright.ops import sigmoid, tanh
from cellwright.tasks.classify.config import ClassifyConfig, ClassifyModel
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.layers import cell_of, layer_specs
from cellwright.tasks.classify.model import ClassifyNetwork
from cellwright.tasks.classify.task import ClassifyTask, make_batch
from cellwright.tasks.classify.vocabulary import Vocabulary
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.training.config import load_config

KERAS = Path(__file__).resolve().parents[3] / "examples" / "six-classes.toml"
TEXTS = [
    Example(tuple(text.split()), str(k % 6), text)
    for k, text in enumerate(["who was it", "where", "when did the king leave the town ?", "how many", "why", "how so"])
]


def network(config: ClassifyModel, examples: list[Example] = TEXTS) -> ClassifyNetwork:
    torch.manual_seed(0)
    return ClassifyNetwork(config, Vocabulary.learn(examples, config), cell_of(config)).double().eval()


def small(**settings: object) -> ClassifyModel:
    sizes = {"hidden_size": 7, "word_dim": 5, "char_dim": 4, "char_filters": 3, "affix_dim": 4, "pair_dim": 3}
    return ClassifyModel.model_validate({**sizes, "pair_count": 1, **settings})


def test_the_net_of_the_example_has_the_counts_that_keras_prints() -> None:
    """Mission row C8: Keras 3.15.1 gives 128,800 + 2,010 + 66 for an embedding of width 60."""
    config = load_config(KERAS, schema=ClassifyConfig).model
    layers = network(config).layers()
    assert [count for _, count in layers[1:]] == [128_800, 2_010, 66]
    one_way = config.model_copy(update={"layers": ["Embedding(60)", "LSTM(100)", "Dense(10, relu)", "Dense(6)"]})
    assert [count for _, count in network(one_way).layers()[1:]] == [64_400, 1_010, 66]


def test_classes_that_training_never_shows_are_refused_before_training() -> None:
    config = ClassifyConfig(model=small(layers=["Embedding(4)", "LSTM(4)", "Dense(6)"]))
    corpus = Corpus("own", train=TEXTS, valid=[Example(("who",), f"text {k}", "who") for k in range(4)])
    with pytest.raises(DataError, match="none of its 4 is in training"):
        ClassifyTask(config, corpus, cell_of(config.model))
    task = ClassifyTask(config, Corpus("own", train=TEXTS, valid=TEXTS), cell_of(config.model))
    task.network.eval()
    task.corpus.valid = corpus.valid
    assert task.evaluate()["accuracy"] == 0.0  # a share, not an IndexError


def test_the_example_learns_and_keeps_a_history(tmp_path: Path) -> None:
    """Rows C8 and D23, small: 30 % of the tail validates, one entry an epoch."""
    model = cw.train("classify", config=KERAS, out=tmp_path / "run", data__size=300, train__epochs=1, train__threads=1)
    history = cw.history(tmp_path / "run")
    assert {name: len(values) for name, values in history.items()} == {
        "loss": 1, "accuracy": 1, "val_loss": 1, "val_accuracy": 1,
    }  # fmt: skip
    assert 0 <= history["val_accuracy"][0] <= 1
    assert len(model.classes) == 6
    assert "Bidirectional(LSTM(100))" in model.summary()
    assert "128,800" in model.summary()


def test_the_layers_of_a_list_compute_what_torch_does() -> None:
    config = ClassifyModel(layers=["Embedding(4)", "Bidirectional(LSTM(3))", "Dense(5, relu)", "Dense(6, softmax)"])
    net = network(config)
    embedding, recurrent, _, dense, last = net.blocks
    oracle = torch.nn.LSTM(4, 3, batch_first=True, bidirectional=True).double()
    oracle.load_state_dict(recurrent.state_dict())
    for example in TEXTS:
        batch = make_batch([example], Vocabulary.learn(TEXTS, config))
        _, (h_DBH, _) = oracle(embedding(batch))
        hidden = torch.relu(h_DBH.transpose(0, 1).reshape(1, 6) @ dense.weight.T + dense.bias)
        assert torch.allclose(net(batch), hidden @ last.weight.T + last.bias, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU", "PeepholeLSTM"])
def test_recurrent_layers_of_a_list_have_keras_names_or_a_cells(name: str) -> None:
    layers = ["Embedding(8)", f"Bidirectional({name}(5))", f"{name}(6)", "Dropout(0.1)", "GlobalMaxPooling1D()"]
    net = network(ClassifyModel(layers=[*layers, "Dense(6)"]))
    assert net(make_batch(TEXTS, Vocabulary.learn(TEXTS, net.config))).shape == (6, 6)
    assert cell_of(net.config).name == {"SimpleRNN": "Elman"}.get(name, name)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["Embedding(8)", "LSTM(4)", "Dense(5)"], r"Expected Dense\(6\) as the last layer for 6 classes"),
        (["LSTM(4)", "Dense(6)"], "Expected Embedding"),
        (["Embedding(8)", "Dense(6)"], "Expected a recurrent layer in model.layers"),
        (["Embedding(8)", "LSTM(4)", "Dense(4)", "LSTM(4)", "Dense(6)"], "Expected LSTM.4. on a sequence"),
        (["Embedding(8)", "Embedding(8)", "LSTM(4)", "Dense(6)"], "found a second"),
        (["Embedding(8)", "LSTM(4)", "Dense(6, relu)"], "Expected softmax"),
        (["Embedding(8)", "LSTM(4)", "Dense(6, swish)"], "Expected an activation of linear, relu"),
        (["Embedding(8)", "LSTM(0)", "Dense(6)"], "Expected a size from 1 to 65,536, found '0'"),
        (["Embedding(8)", "Dropout(2)", "LSTM(4)", "Dense(6)"], "Expected a share"),
        (["Embedding(8)", "Conv1D(4)", "Dense(6)"], "found 'Conv1D'"),
        (["Embedding 8", "LSTM(4)", "Dense(6)"], "Expected a layer such as"),
        (["Embedding(8)", "Bidirectional(Dense(4))", "Dense(6)"], "Expected a recurrent layer in Bidirectional"),
    ],
)
def test_a_wrong_list_of_layers_is_refused_with_an_example(layers: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        layer_specs(ClassifyModel(layers=layers), 6, None)
    assert caught.value.repair


def test_two_kinds_of_cells_in_one_list_are_refused() -> None:
    with pytest.raises(ConfigError, match="found LSTM and GRU"):
        cell_of(ClassifyModel(layers=["Embedding(8)", "LSTM(4)", "GRU(4)", "Dense(6)"]))


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", "MGU", "PerToken"])
@pytest.mark.parametrize("pooling", [["final"], ["max"], ["final", "max", "mean"]])
def test_company_and_padding_change_no_answer(cell: str, pooling: list[str]) -> None:
    net = network(small(cell=cell, pooling=pooling, num_layers=2))
    vocabulary = Vocabulary.learn(TEXTS, net.config)
    together = net(make_batch(TEXTS, vocabulary))
    for k, example in enumerate(TEXTS):
        assert torch.allclose(net(make_batch([example], vocabulary))[0], together[k], rtol=0, atol=1e-12)


def test_a_per_token_network_does_not_know_the_order_of_words() -> None:
    turned = [Example(e.words[::-1], e.label, e.text) for e in TEXTS]
    for cell, same in (("PerToken", True), ("LSTM", False)):
        net = network(small(cell=cell, pair_dim=0))
        vocabulary = Vocabulary.learn(TEXTS, net.config)
        found = [net(make_batch(examples, vocabulary))[2] for examples in (TEXTS, turned)]
        assert torch.allclose(*found, rtol=0, atol=1e-9) == same


def test_a_cell_of_ones_own_trains_and_its_model_needs_no_source(tmp_path: Path, quick: dict[str, object]) -> None:
    class Blend(cw.Cell):
        gates = "u n"
        states = "h"

        def step(self, x, h, W, R, b):
            u = sigmoid(W.u @ x + R.u @ h + b.u)
            n = tanh(W.n @ x + R.n @ (u * h) + b.n)
            return (u * h + (1 - u) * n,)

    settings = {**quick, "train__epochs": 1, "data__size": 60}
    model = cw.train("classify", out=tmp_path / "run", cell=Blend(), **settings)  # type: ignore[arg-type]
    assert type(model.cell) is not Blend
    again = cw.load(tmp_path / "run")
    assert again.predict("the paper is good") == model.predict("the paper is good")
    with pytest.raises(ConfigError, match="found both"):
        cw.train("classify", out=tmp_path / "r2", cell=Blend(), model__layers=["Embedding(8)", "LSTM(4)", "Dense(2)"])
