#!/usr/bin/env python
"""Character LSTM with truncated backpropagation through time."""
import sys
from pathlib import Path

import torch
from torch import nn

here = Path(sys.argv[1])
text = here.read_text(encoding="utf-8")[:12000]
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
encoded = torch.tensor([stoi[c] for c in text])

batch_size, seq_len, n_epochs = 8, 50, 2
hidden_size = 48
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class CharLSTM(nn.Module):
    def __init__(self, n_chars, hidden):
        super().__init__()
        self.embed = nn.Embedding(n_chars, 24)
        self.lstm = nn.LSTM(24, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, n_chars)

    def forward(self, x, state=None):
        y, state = self.lstm(self.embed(x), state)
        return self.out(self.dropout(y)), state

    @torch.no_grad()
    def generate(self, start="The ", n=60):
        self.eval()
        state, out = None, start
        x = torch.tensor([[stoi[c] for c in start]], device=device)
        for _ in range(n):
            logits, state = self(x, state)
            x = logits[:, -1].argmax(-1, keepdim=True)
            out += chars[x.item()]
        self.train()
        return out


def batches(data):
    """Yields x, y of shape (batch_size, seq_len); row r of one batch continues row r of the one before."""
    per_row = (len(data) - 1) // batch_size
    xs = data[: per_row * batch_size].view(batch_size, per_row)
    ys = data[1 : per_row * batch_size + 1].view(batch_size, per_row)
    for start in range(0, per_row - seq_len + 1, seq_len):
        yield xs[:, start : start + seq_len], ys[:, start : start + seq_len]


model = CharLSTM(len(chars), hidden_size).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(n_epochs):
    state = None
    losses = []
    for x, y in batches(encoded):
        x, y = x.to(device), y.to(device)
        if state is not None:
            state = tuple(s.detach() for s in state)
        optimizer.zero_grad()
        logits, state = model(x, state)
        loss = criterion(logits.reshape(-1, len(chars)), y.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f}")
    print("  ", repr(model.generate()))

torch.save({"model": model.state_dict(), "chars": chars}, "char_lstm.ckpt")
