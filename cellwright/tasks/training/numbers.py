"""Where a value that is no number first appeared: which weight, which module's output, which gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["first_bad_gradient", "first_bad_value", "first_bad_weight"]


def first_bad_gradient(model: nn.Module) -> str | None:
    """The first parameter, in the model's order, whose gradient holds nan or inf."""
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            return f"the gradient of {name} {tuple(parameter.shape)}"
    return None


def first_bad_weight(model: nn.Module) -> str | None:
    """The first weight or buffer, in the model's order, that holds nan or inf."""
    for name, tensor in model.state_dict().items():
        if not _finite([tensor]):
            return f"the weight {name} {tuple(tensor.shape)}"
    return None


def first_bad_value(model: nn.Module, forward: Callable[[], Any]) -> str:
    """Run `forward` again, watching: the first weight, else the first module's output, with nan or inf."""
    if bad := first_bad_weight(model):
        return bad
    found: list[str] = []

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def look(module: nn.Module, inputs: Any, output: Any) -> None:
            if found:
                return
            kind = f"{name or 'the model'} ({type(module).__name__})"
            if not _finite(_tensors(inputs)):
                found.append(f"the input of {kind}")
            elif not _finite(_tensors(output)):
                found.append(f"the output of {kind}")

        return look

    hooks = [module.register_forward_hook(watch(name)) for name, module in model.named_modules()]
    try:
        with torch.no_grad():
            forward()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else "the loss"


def _tensors(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(t).all()) for t in tensors if t.is_floating_point())
