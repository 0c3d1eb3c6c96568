import torch
from torch import nn


class WordGuesser(nn.Module):
    """Reads one word at a time and scores every word as the next one."""

    def __init__(self, kind, words, width, layers, drop, share):
        super().__init__()
        self.kind, self.width, self.layers = kind, width, layers
        self.table = nn.Embedding(words, width)
        self.noise = nn.Dropout(drop)
        if kind == 'plain':
            self.memory = nn.RNN(width, width, layers, dropout=drop)
        else:
            self.memory = getattr(nn, kind.upper())(width, width, layers, dropout=drop)
        self.scores = nn.Linear(width, words)
        if share:
            self.scores.weight = self.table.weight
        self.start()

    def start(self):
        self.table.weight.data.normal_(0, 0.08)
        self.scores.weight.data.normal_(0, 0.08)
        self.scores.bias.data.zero_()

    def forward(self, words, state):
        seen, state = self.memory(self.noise(self.table(words)), state)
        return self.scores(self.noise(seen)), state

    def empty_state(self, columns):
        blank = torch.zeros(self.layers, columns, self.width, device=self.scores.weight.device)
        return (blank, blank.clone()) if self.kind == 'lstm' else blank
