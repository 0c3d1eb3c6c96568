import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def get_loaders(batch_size, num_val=400):
    bunch = load_digits()
    x = torch.as_tensor(bunch.data, dtype=torch.float32) / 16
    y = torch.as_tensor(bunch.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    train = TensorDataset(x[num_val:], y[num_val:])
    val = TensorDataset(x[:num_val], y[:num_val])
    return DataLoader(train, batch_size, shuffle=True), DataLoader(val, batch_size)


class ResidualMLP(nn.Module):
    def __init__(self, dim=64, depth=3):
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
            for _ in range(depth)
        )
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


def train_step(model, batch, optimizer, device):
    x, y = (t.to(device) for t in batch)
    with torch.amp.autocast(device.type, dtype=torch.bfloat16):
        logits = model(x)
    # the loss in full precision
    loss = F.cross_entropy(logits.float(), y, label_smoothing=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def validate(model, loader, device):
    model.eval()
    hits = 0
    for x, y in loader:
        with torch.amp.autocast(device.type, dtype=torch.bfloat16):
            logits = model(x.to(device))
        hits += (logits.argmax(-1).cpu() == y).sum().item()
    model.train()
    return hits / len(loader.dataset)


if __name__ == "__main__":
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader, val_loader = get_loaders(batch_size=64)
    model = ResidualMLP().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    for epoch in range(2):
        losses = [train_step(model, batch, optimizer, device) for batch in train_loader]
        print(f"{epoch=} mean={sum(losses) / len(losses):.4f} val_acc={validate(model, val_loader, device):.4f}")
