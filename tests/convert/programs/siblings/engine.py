import torch


def train_one_epoch(model, loader, criterion, optimizer):
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        pred = model(x)
        loss = criterion(pred, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * x.size(0)
        count += x.size(0)
    return total / count


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    total, absolute, count = 0.0, 0.0, 0
    for x, y in loader:
        pred = model(x)
        total += criterion(pred, y).item() * x.size(0)
        absolute += (pred - y).abs().sum().item()
        count += x.size(0)
    return total / count, absolute / count
