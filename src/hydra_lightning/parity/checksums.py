"""Checksums that are equal only for equal bits: of tensors, of all random number generators, of weights."""

from __future__ import annotations

import math
import random
import sys
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch

WHOLE = 1 << 18


def of_tensor(tensor: torch.Tensor) -> int:
    """CRC-32 of dtype, shape and bytes; of a large tensor, its first and last elements and 65,536 in between."""
    head = zlib.crc32(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    flat = tensor.detach()
    if flat.layout != torch.strided or flat.is_quantized:
        return head
    flat = flat.cpu().reshape(-1)
    if flat.numel() * flat.element_size() > WHOLE:
        stride = flat.numel() // 65_536 + 1
        flat = torch.cat([flat[:1024], flat[::stride], flat[-1024:]])
    if flat.is_complex():
        flat = torch.view_as_real(flat).reshape(-1)
    return zlib.crc32(flat.contiguous().view(torch.uint8).numpy().tobytes(), head) if flat.numel() else head


def of_tensors(value: Any) -> int:
    """CRC-32 over all tensors in ``value``, through lists, tuples, mappings and objects with a ``to_tuple``."""
    total = 0
    for tensor in tensors_in(value):
        total = zlib.crc32(of_tensor(tensor).to_bytes(4, "little"), total)
    return total


def tensors_in(value: Any, depth: int = 0) -> Iterable[torch.Tensor]:
    """All tensors in nested containers, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth > 6:
        return
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each, depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from tensors_in(each, depth + 1)


def of_random_state() -> dict[str, int]:
    """A checksum of the state of each global generator: torch, NumPy where it is imported, Python, CUDA."""
    state = {"torch": zlib.crc32(torch.get_rng_state().numpy().tobytes())}
    _, internal, gauss = random.getstate()
    state["python"] = zlib.crc32(f"{hash(internal)}{gauss}".encode())
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        _, keys, position, has_gauss, cached = numpy.random.get_state()
        state["numpy"] = zlib.crc32(keys.tobytes() + f"{position}{has_gauss}{cached}".encode())
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state["cuda"] = zlib.crc32(torch.cuda.get_rng_state().numpy().tobytes())
    return state


def gradient_norm(parameters: Iterable[torch.nn.Parameter]) -> float:
    """The 2-norm over all gradients, in an order of summing that does not depend on that of the parameters."""
    gradients = [gradient for each in parameters if (gradient := each.grad) is not None]
    if any(each.is_sparse for each in gradients):
        gradients = [each.coalesce().values() if each.is_sparse else each for each in gradients]
    with torch.no_grad():
        norms = torch._foreach_norm(gradients) if gradients else []
    # The sum is rounded once, so that it is the same in every order.
    return math.sqrt(math.fsum(norm * norm for norm in map(float, norms)))
