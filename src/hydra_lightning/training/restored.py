"""Whether a model that is being made is given the weights of a checkpoint: it need not be trained first then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_restored = ContextVar("restored", default=False)


def is_restored() -> bool:
    """Whether the model that is being made gets its weights from a checkpoint.

    True where ``eval.py``, ``load_run`` and an export make it, and where a training goes on from a checkpoint. What
    makes a model may ask, and leave out what only decides its weights::

        def build_net(epochs: int) -> nn.Module:
            net = Net()
            if not is_restored():
                pretrain(net, epochs)
            return net
    """
    return _restored.get()


@contextmanager
def restored(value: bool = True) -> Iterator[None]:
    """What is made inside is given the weights of a checkpoint, or not."""
    token = _restored.set(value)
    try:
        yield
    finally:
        _restored.reset(token)
