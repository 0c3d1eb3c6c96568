import torch
import torch.nn as nn
from tqdm import tqdm


def loss_fn(outputs, targets):
    return nn.BCEWithLogitsLoss()(outputs, targets)


def train_fn(data_loader, model, optimizer, device):
    model.train()
    final_loss = 0
    tk0 = tqdm(data_loader, total=len(data_loader), desc="train", leave=False)
    for x, y in tk0:
        x = x.to(device)
        y = y.to(device)
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        final_loss += loss.item()
        tk0.set_postfix(loss=loss.item())
    return final_loss / len(data_loader)


def eval_fn(data_loader, model, device):
    model.eval()
    final_loss = 0
    right = 0
    with torch.no_grad():
        for x, y in tqdm(data_loader, total=len(data_loader), desc="valid", leave=False):
            x, y = x.to(device), y.to(device)
            out = model(x)
            final_loss += loss_fn(out, y).item()
            right += ((out > 0).float() == y).sum().item()
    return final_loss / len(data_loader), right / len(data_loader.dataset)
