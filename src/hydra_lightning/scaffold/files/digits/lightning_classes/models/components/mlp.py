from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class MLP(nn.Sequential):
    """Linear layers with batch norm and ReLU between them; takes images of any shape, flattened.

    Args:
        input_size: numbers of one sample.
        hidden_sizes: width of each hidden layer.
        output_size: numbers that come out, one a class.
    """

    def __init__(
        self, input_size: int = 64, hidden_sizes: Sequence[int] = (64, 128, 64), output_size: int = 10
    ) -> None:
        sizes = [input_size, *hidden_sizes]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
        super().__init__(*layers, nn.Linear(sizes[-1], output_size))

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(N, ...)`` images to ``(N, output_size)`` logits."""
        return super().forward(images)
