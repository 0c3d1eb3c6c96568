import torch
import torchmetrics
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, Subset

NUM_CLASSES = 4
cfg = dict(epochs=6, batch=40, lr=0.08, step=2, gamma=0.5)


def data():
    X, y = make_classification(n_samples=1200, n_features=20, n_informative=10, n_classes=NUM_CLASSES, random_state=3)
    ds = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.int64))
    return Subset(ds, range(0, 900)), Subset(ds, range(900, 1200))


class MLP(nn.Module):
    def __init__(self, inp, hid, out):
        super().__init__()
        self.a = nn.Linear(inp, hid)
        self.bn = nn.BatchNorm1d(hid)
        self.b = nn.Linear(hid, hid)
        self.c = nn.Linear(hid, out)
        self.dp = nn.Dropout(0.2)

    def forward(self, x):
        x = torch.relu(self.bn(self.a(x)))
        x = x + torch.relu(self.b(self.dp(x)))
        return self.c(x)


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train_ds, test_ds = data()
    train_dl = DataLoader(train_ds, cfg["batch"], shuffle=True)
    test_dl = DataLoader(test_ds, 150)
    model = MLP(20, 48, NUM_CLASSES).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg["lr"], momentum=0.8)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, cfg["step"], cfg["gamma"])

    train_acc = torchmetrics.Accuracy(task="multiclass", num_classes=NUM_CLASSES).to(device)
    train_loss = torchmetrics.MeanMetric().to(device)
    test_metrics = torchmetrics.MetricCollection({
        "acc": torchmetrics.Accuracy(task="multiclass", num_classes=NUM_CLASSES),
        "f1": torchmetrics.F1Score(task="multiclass", num_classes=NUM_CLASSES, average="macro"),
        "auroc": torchmetrics.AUROC(task="multiclass", num_classes=NUM_CLASSES),
    }).to(device)

    for epoch in range(1, cfg["epochs"] + 1):
        # the rate of this epoch is set first
        if epoch > 1:
            scheduler.step()
        model.train()
        for X, y in train_dl:
            X, y = X.to(device), y.to(device)
            logits = model(X)
            loss = loss_fn(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            train_acc(logits, y)
            train_loss.update(loss.detach(), weight=len(y))
        print(f"epoch {epoch} lr {scheduler.get_last_lr()[0]:.4f}", end=" ")
        print(f"train loss {train_loss.compute():.4f} acc {train_acc.compute():.4f}", end=" ")
        train_acc.reset()
        train_loss.reset()

        model.eval()
        with torch.inference_mode():
            for X, y in test_dl:
                test_metrics.update(model(X.to(device)).softmax(-1), y.to(device))
        scores = test_metrics.compute()
        print("test", {k: round(v.item(), 4) for k, v in scores.items()})
        test_metrics.reset()


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
