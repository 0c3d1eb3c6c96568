"""The network that continues a text: it looks back only, and near letters count for more than far ones."""
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Shape:
    letters: int
    span: int = 32
    width: int = 32
    heads: int = 2
    depth: int = 2
    forget: float = 0.0


class LookBack(nn.Module):
    """Attention with a slope for each head instead of learnt places."""

    def __init__(self, shape):
        super().__init__()
        assert shape.width % shape.heads == 0, "each head needs an equal part of the width"
        self.heads = shape.heads
        self.ask = nn.Linear(shape.width, shape.width, bias=False)
        self.offer = nn.Linear(shape.width, 2 * shape.width, bias=False)
        self.mix = nn.Linear(shape.width, shape.width, bias=False)
        self.forget = nn.Dropout(shape.forget)
        back = torch.arange(shape.span)[:, None] - torch.arange(shape.span)[None, :]
        slopes = 2.0 ** -torch.arange(1, shape.heads + 1)
        penalty = -slopes[:, None, None] * back
        self.register_buffer("penalty", penalty.masked_fill(back < 0, float("-inf")))

    def cut(self, t):
        return t.unflatten(-1, (self.heads, -1)).movedim(-2, 1)

    def forward(self, seen):
        long = seen.shape[1]
        keys, values = self.offer(seen).chunk(2, dim=-1)
        weights = self.cut(self.ask(seen)) @ self.cut(keys).mT / (seen.shape[2] // self.heads) ** 0.5
        weights = self.forget((weights + self.penalty[:, :long, :long]).softmax(-1))
        return self.mix((weights @ self.cut(values)).movedim(1, -2).flatten(-2))


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.look = LookBack(shape)
        self.before = nn.LayerNorm(shape.width)
        self.think = nn.Sequential(
            nn.LayerNorm(shape.width), nn.Linear(shape.width, 3 * shape.width), nn.SiLU(),
            nn.Linear(3 * shape.width, shape.width), nn.Dropout(shape.forget))

    def forward(self, seen):
        seen = seen + self.look(self.before(seen))
        return seen + self.think(seen)


class Continuer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.letters = nn.Embedding(shape.letters, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.depth))
        self.last = nn.LayerNorm(shape.width)
        self.vote = nn.Linear(shape.width, shape.letters, bias=False)
        self.vote.weight = self.letters.weight  # one table reads and writes
        self.apply(self.start_small)
        for name, weights in self.named_parameters():
            if name.endswith("mix.weight"):
                nn.init.zeros_(weights)
        print(sum(w.numel() for w in self.parameters()), "weights")

    def start_small(self, part):
        if isinstance(part, (nn.Linear, nn.Embedding)):
            nn.init.trunc_normal_(part.weight, std=0.05)

    def forward(self, text, follows=None):
        seen = self.letters(text)
        for layer in self.layers:
            seen = layer(seen)
        votes = self.vote(self.last(seen))
        if follows is None:
            return votes, None
        return votes, nn.functional.cross_entropy(votes.flatten(0, 1), follows.flatten())

    def configure_optimizers(self, rate, shrink):
        # vectors (norms, biases) are not pulled to zero
        tables, vectors = [], []
        for weights in self.parameters():
            (tables if weights.ndim > 1 else vectors).append(weights)
        return torch.optim.AdamW([dict(params=tables, weight_decay=shrink), dict(params=vectors, weight_decay=0.)],
                                 lr=rate, betas=(0.9, 0.97))
