"""What is often taught about recurrent networks and is wrong or half true; what is right; and where to see it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TAUGHT", "Taught"]


@dataclass(frozen=True, slots=True)
class Taught:
    """One statement and its correction.

    Attributes:
        said: as it is found in tutorials.
        right: what holds.
        lesson, number: the lesson whose number of this name shows it; "" where a source has to do.
        source: paper, documentation or reason.
    """

    said: str
    right: str
    lesson: str = ""
    number: str = ""
    source: str = ""

    @property
    def evidence(self) -> str:
        """Where to see it, in one line."""
        shown = f"lesson {self.lesson}: {self.number}" if self.lesson else ""
        return "; ".join(part for part in (shown, self.source) if part)


HERE = "corrections"

TAUGHT: dict[str, tuple[Taught, ...]] = {
    "Counting": (
        Taught(
            "Dense(10) after a BiLSTM(100) has 2,020 numbers",
            "2,010 = 200 · 10 + 10: one bias an output",
            "counts",
            "Dense(10) after both",
        ),
        Taught(
            "an LSTM has three times an RNN's parameters",
            "four times: three gates and the candidate; three times is the LSTM of 1997 and the GRU",
            "counts",
            "LSTM to simple",
        ),
        Taught(
            "a bidirectional layer of 100 has 100 neurons",
            "100 a direction, 200 outputs",
            "counts",
            "LSTM, both directions",
        ),
        Taught(
            "a model listing without its embedding layer",
            "400 D + 40,400 = 64,400 shows what was left out: D = 60",
            "counts",
            "input width behind 64,400",
        ),
        Taught(
            "a multi-layer BiLSTM is two stacks joined at the end",
            "one reading; torch and Keras join after every layer: 104,800 numbers, not 84,800",
            "counts",
            "two layers, joint",
        ),
        Taught("the parameters are U, W and V", "and two biases, b and c", "unrolling", "parameters"),
        Taught("steps of 1e−6 over a way of 0.25: tens of thousands", "250,000", "steps", "steps of 1e−6 over 0.25"),
    ),
    "The LSTM's wiring": (
        Taught(
            "f ⊙ c is the information to be deleted",
            "it is what is kept; (1 − f) ⊙ c is deleted",
            "gate-table",
            "keep: c′",
        ),
        Taught("the new information is i ⊙ c", "i ⊙ g: the candidate, not the cell state", "gate-table", "replace: c′"),
        Taught(
            "the hidden state is the cell state",
            "h = o ⊙ tanh(c): c may hold what h does not show",
            "number-unit",
            "h of the gender unit at the verb",
        ),
        Taught(
            "tanh is in the input and output gates",
            "gates use σ; tanh is in the candidate and on the way out",
            "peepholes",
            "a gate whose channel is shut",
        ),
        Taught(
            "peepholes look at the previous state from all three gates, or all but the output gate",
            "i and f read the old c, o reads the new one, the candidate none",
            "peepholes",
            "o reads the new c",
        ),
        Taught(
            "the cell state is not within (−1, 1)",
            "right: |c_t| ≤ |c_0| + t, and a counter reaches it",
            "gate-table",
            "counter after 50 ticks: c",
        ),
        Taught(
            "the state contains all inputs so far",
            "right, and none of later ones",
            "memory-ledger",
            "share of later words",
        ),
        Taught(
            "W_t and U_t in the gates, with *",
            "the index names the gate, not the time: one W, R, b a gate for all t; * is a matrix product",
            "unrolling",
            "parameters after 500 steps",
        ),
        Taught("C_t = C − 1 in a gate table", "c_t = c_{t−1}: the old value, not one less", "gate-table", "keep: c′"),
        Taught(
            "the gate looks at the state of the previous layer",
            "of the previous time step",
            "unrolling",
            "inputs that h_1 depends on",
        ),
        Taught(
            "all LSTM variants do equally well",
            "the forget gate and the output activation matter most; measure the others on your task",
            source="Greff et al. 2017",
        ),
        Taught(
            "an LSTM is a special case of the RNN",
            "of recurrent networks, as another cell; not of the Elman cell, whose equation has no gates",
            source="`cellwright show Elman`, `cellwright show LSTM`",
        ),
        Taught("the genetic gate (遗传门)", "the forget gate (遗忘门)", source="Gers et al. 2000"),
    ),
    "Gradients": (
        Taught(
            "a weight's gradient is a product of derivatives along the chain",
            "a sum over lags of products",
            "lag-sum",
            "sum of the terms of Ws",
        ),
        Taught(
            "the formula for a general t, with dL_3/dO_3 in it",
            "dL_t/dO_t: the index is t throughout",
            "lag-sum",
            "dL/dWs",
        ),
        Taught(
            "the scalar formula, read as one for matrices",
            "the order of factors matters: Σ_k (Wsᵀ)^{t−k} e_t S_{k−1}ᵀ",
            "lag-sum",
            "matrices, linear: sum over lags − backward pass",
        ),
        Taught(
            "the textbook's product of Jacobians is not strict",
            "it is the same sum, term by term",
            "lag-sum",
            "matrices, tanh: sum over lags − backward pass",
        ),
        Taught(
            "the derivative of an activation is always below 1",
            "tanh′(0) = 1, relu′ = 1; only σ′ ≤ ¼",
            HERE,
            "tanh′(0)",
        ),
        Taught(
            "two cases: w in (0, 1) and w > 1",
            "|w| < 1 (negative w alternate), = 1, > 1; for matrices spectral radius and singular values",
            "weight",
            "w = −0.9: sum of the addends",
        ),
        Taught(
            "w > 1 gives NaN", "inf first; NaN after inf − inf, 0 · inf or inf / inf", HERE, "inf − inf is no number"
        ),
        Taught(
            "any computation that is repeated ends huge or tiny",
            "a weight of 1, a rotation and a map with a fixed point stay",
            HERE,
            "cos, 365 times",
        ),
        Taught(
            "without a forget gate the gradient travels without loss",
            "along the carry path; gates that read h add further paths",
            "carry-path",
            "LSTM of 1997: least kept along the path",
        ),
        Taught(
            "the LSTM solves vanishing and exploding gradients",
            "it eases vanishing along its carry path; exploding needs clipping",
            "carry-path",
            "whole Jacobian, 10 steps",
        ),
        Taught(
            "long memory is the LSTM's default",
            "at b_f = 0 half is gone after one step",
            "forget-bias",
            "half-life at b_f = 0",
        ),
        Taught(
            "a plain RNN cannot be used; none can do long gaps",
            "identity and orthogonal weights, coRNN and LEM do: what counts is the norm of the Jacobian's products",
            "weight",
            "rotation: largest |‖R^k‖ − 1|",
            "Le et al. 2015; Rusch & Mishra 2021; Rusch et al. 2022",
        ),
    ),
    "Activations": (
        Taught(
            "the range of σ is [0, 1], and C · σ has [0, C]",
            "open intervals, and (C, 0) for a negative C",
            "sigmoid",
            "least of −5 σ",
        ),
        Taught("σ puts out 0 or 1", "limits; float32 is exactly 1 from 16.636 on", "sigmoid", "float32 is 1 from"),
        Taught(
            "σ written as Sign(x), or numpy's formula called a framework's source",
            "σ is the logistic function 1/(1 + e^−x); sign is another",
            "sigmoid",
            "σ(−5)",
        ),
        Taught(
            "a second derivative that is not 0 prevents vanishing",
            "products of first derivatives decide",
            "sigmoid",
            "largest |tanh″|",
        ),
        Taught(
            "convex optimisation needs a monotone activation",
            "nothing here is convex, and monotone is convenient, not needed",
            "sigmoid",
            "largest |tanh″|",
            "GELU and swish are not monotone",
        ),
        Taught(
            "a step's gradient is 0 everywhere",
            "but at the jump, where there is none; a substitute gradient works",
            "sigmoid",
            "slope of a step, away from the jump",
            "straight-through: Bengio, Léonard & Courville 2013",
        ),
        Taught(
            "never change an LSTM's activations",
            "hard sigmoid, relu and exponential gates exist; know what you give up",
            source="`cellwright show SLSTM`; Beck et al. 2024",
        ),
        Taught(
            "a network fits any function",
            "continuous functions on compact sets, with enough units",
            source="Cybenko 1989; Hornik 1991",
        ),
    ),
    "Sequences and language": (
        Taught(
            "the previous output goes to the hidden layer",
            "that is the Jordan network; the equations usually shown are Elman's, which feeds the state back",
            "unrolling",
            "Jordan with y = h against Elman",
        ),
        Taught(
            "the intent is read from the last layer's output",
            "from the last time step's; beyond a sentence's end there is padding, so from the last valid step",
            source="Recurrent: the final state is that of the last valid step",
        ),
        Taught(
            "outputs 01, 02 and 05 of a five-word question", "O_1, O_2 … O_5, the letter O", source="a typing error"
        ),
        Taught("x_t is the input and t is the input", "x_t is the input and h_t is handed on", source="a lost symbol"),
        Taught(
            "RNN: recursive neural network",
            "recurrent; recursive networks run over trees",
            source="Goller & Küchler 1996",
        ),
        Taught(
            "front to back and back to front are the same to a machine",
            "only if the directions' weights are exchanged as well",
            "bidirectional",
            "forward alone on the reversed sentence is another state",
        ),
        Taught(
            "长期以来的问题 (the problem since long ago)",
            "长期依赖 (long-term dependencies)",
            source="Bengio et al. 1994",
        ),
        Taught(
            "the past tense and the number of the subject decide the verb",
            "English marks number in the past tense in was and were alone: examples need the present, or be",
            source="Linzen et al. 2016",
        ),
        Taught(
            "a Chinese sentence to show plural agreement of the verb",
            "Chinese verbs do not agree: an example of gates, not of grammar",
            "number-unit",
            "accuracy lost without the number unit",
        ),
        Taught(
            "speech and handwriting recognition are parts of natural language processing",
            "neighbours that use the same networks",
            source="Graves et al. 2009 (handwriting)",
        ),
        Taught("an answer on Stack Overflow of 1966", "the site opened in 2008", source="a typing error"),
    ),
}
"""Statements by subject."""
