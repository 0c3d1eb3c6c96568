from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class CNN(nn.Sequential):
    """Convolutions with batch norm, ReLU and pooling, then one linear layer; takes images of any size.

    Args:
        in_channels: 1 for grey images, 3 for colours.
        channels: width of each block; a block halves height and width.
        output_size: numbers that come out, one a class.
        pooled_size: height and width that the last features are averaged to.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: Sequence[int] = (16, 32),
        output_size: int = 10,
        pooled_size: int = 4,
    ) -> None:
        widths = [in_channels, *channels]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        super().__init__(
            *layers,
            nn.AdaptiveAvgPool2d(pooled_size),
            nn.Flatten(),
            nn.Linear(widths[-1] * pooled_size**2, output_size),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` images to ``(N, output_size)`` logits."""
        return super().forward(images)
