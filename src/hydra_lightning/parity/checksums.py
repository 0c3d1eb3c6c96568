"""Checksums that are equal only for equal bits: of tensors, of all random number generators, of weights."""

from __future__ import annotations

import functools
import math
import random
import sys
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch

# Bytes of a tensor that is read whole, and elements that are read of a larger one.
WHOLE = 1 << 18
SAMPLE = 1 << 16
OF_NUMPY = {
    *(torch.float32, torch.float64, torch.float16, torch.complex64, torch.complex128),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
}


def of_tensor(tensor: torch.Tensor) -> int:
    """CRC-32 of dtype, shape and bytes; of a large tensor, its first and last elements and 65,536 in between."""
    head = _head(tensor.dtype, tensor.shape)
    flat = tensor.detach()
    if flat.layout != torch.strided or flat.is_quantized:
        return head
    if flat.numel() * flat.element_size() > WHOLE:
        flat = flat.cpu().reshape(-1)
        stride = flat.numel() // SAMPLE + 1
        flat = torch.cat([flat[:1024], flat[::stride], flat[-1024:]])
    if flat.dtype not in OF_NUMPY:
        flat = flat.reshape(-1).view(torch.uint8)
    return zlib.crc32(flat.contiguous().numpy(force=True).data, head)


@functools.lru_cache(maxsize=1024)
def _head(dtype: torch.dtype, shape: torch.Size) -> int:
    return zlib.crc32(f"{dtype}{tuple(shape)}".encode())


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
    state = {"torch": zlib.crc32(torch.default_generator.get_state().numpy().data)}
    _, internal, gauss = random.getstate()
    state["python"] = zlib.crc32(f"{hash(internal)}{gauss}".encode())
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        _, keys, position, has_gauss, cached = numpy.random.get_state()
        state["numpy"] = zlib.crc32(f"{position}{has_gauss}{cached}".encode(), zlib.crc32(keys.data))
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state["cuda"] = zlib.crc32(torch.cuda.get_rng_state().numpy().data)
    return state


def gradient_norm(parameters: Iterable[torch.nn.Parameter]) -> float:
    """The 2-norm over all gradients, in an order of summing that does not depend on that of the parameters.

    A large gradient is estimated from about 65,536 of its elements: those of an embedding take longer to read than a
    step to run.
    """
    gradients = [gradient for each in parameters if (gradient := each.grad) is not None]
    if any(each.is_sparse for each in gradients):
        gradients = [each.coalesce().values() if each.is_sparse else each for each in gradients]
    with torch.inference_mode():
        parts = [_part(each) if each.numel() > SAMPLE else each for each in gradients]
        norms = [each.item() for each in torch._foreach_norm(parts)] if parts else []
    shares = [
        len(part) / len(whole) if part is not whole else 1
        for part, whole in zip(parts, gradients, strict=True)
    ]
    # The sum is rounded once, so that it is the same in every order.
    return math.sqrt(math.fsum(norm * norm / share for norm, share in zip(norms, shares, strict=True)))


def _part(gradient: torch.Tensor) -> torch.Tensor:
    """Every n-th row, for at most about as many elements as are sampled."""
    return gradient[:: min(len(gradient), gradient.numel() // SAMPLE + 1)]
