"""Gradient descent's arithmetic: what a learning rate means in steps, and what an overshoot is."""

from __future__ import annotations

import torch

from cellwright.lessons.lesson import Lesson, Number, Table

__all__ = ["lesson"]


def one_step(weight: float, gradient: float, rate: float) -> float:
    """The weight after one step of torch's SGD, float64."""
    parameter = torch.nn.Parameter(torch.tensor(weight, dtype=torch.float64))
    optimiser = torch.optim.SGD([parameter], lr=rate)
    parameter.grad = torch.tensor(gradient, dtype=torch.float64)
    optimiser.step()
    return float(parameter.detach())


def steps_to_zero(units: int, step: int) -> int:
    """Steps of `step` until `units` are used up, counted one by one in whole units."""
    count = 0
    while units > 0:
        units -= step
        count += 1
    return count


def lesson() -> Lesson:
    """From −2.24 to −1.99, and from −10.02 to +20.3."""
    way = round(-1.99 + 2.24, 12)
    tiny = steps_to_zero(250_000, 1)  # in units of 1e−6
    planned, taken = round(-9.97 + 10.02, 12), round(20.3 + 10.02, 12)
    after = one_step(-2.24, -0.05, 0.01)
    return Lesson(
        "steps",
        "How large a step is: learning rate, number of steps, overshoot",
        (
            "Gradient descent changes a parameter by minus the learning rate times the gradient, and by nothing "
            "else. So the size of the gradient decides how many steps a parameter needs.",
            Table(
                "A weight on its way from −2.24 to −1.99",
                ("change a step", "steps"),
                ((way / 500, 500), (1e-6, tiny)),
            ),
            "Where the gradient has vanished and a step is 1e−6, the same way takes a quarter of a million steps. "
            "This is often told as tens of thousands; it is 250,000.",
            Table(
                "A weight that was to go from −10.02 to −9.97, and went to +20.3",
                ("", "change"),
                (("planned", planned), ("taken", taken), ("times too far", taken / planned)),
            ),
            "That is an exploded gradient: one step, and what was learnt is gone. Clipping the gradient's norm "
            "bounds the step; a smaller learning rate would make every healthy step 606 times slower.",
        ),
        (
            Number("change a step, 500 steps", way / 500, 5e-4, "0.25 / 500", 1e-15),
            Number("steps of 1e−6 over 0.25", tiny, 250_000, "0.25 / 1e−6"),
            Number("overshoot", taken / planned, 606.4, "30.32 / 0.05", 1e-9),
            Number("−2.24 after one step of SGD", after, -2.2395, "−2.24 − 0.01 · (−0.05)", 1e-15),
        ),
        (
            "Bengio, Simard & Frasconi 1994, Learning long-term dependencies with gradient descent is difficult",
            "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks (clipping)",
        ),
    )
