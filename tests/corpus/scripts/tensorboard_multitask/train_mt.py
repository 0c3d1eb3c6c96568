"""One trunk, three heads: which digit, is it even, and how much ink it took."""
import argparse
import datetime

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset, random_split

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:  # pip install tensorboard to see curves
    SummaryWriter = None


class InkDataset(Dataset):
    def __init__(self):
        d = load_digits()
        self.x = torch.tensor(d.data, dtype=torch.float32) / 16
        self.digit = torch.tensor(d.target)
        self.even = (self.digit % 2 == 0).float()
        ink = self.x.sum(1)
        self.ink = (ink - ink.mean()) / ink.std()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"x": self.x[i], "digit": self.digit[i], "even": self.even[i], "ink": self.ink[i]}


class MultiTaskNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, hidden), nn.ReLU())
        self.heads = nn.ModuleDict({
            "digit": nn.Linear(hidden, 10),
            "even": nn.Linear(hidden, 1),
            "ink": nn.Linear(hidden, 1),
        })

    def forward(self, x):
        h = self.trunk(x)
        return {name: head(h).squeeze(-1) for name, head in self.heads.items()}


class UncertaintyLoss(nn.Module):
    """weights of the tasks are learnt, too: exp(-s) * L + s"""

    def __init__(self, tasks):
        super().__init__()
        self.s = nn.ParameterDict({t: nn.Parameter(torch.zeros(())) for t in tasks})
        self.ce = nn.CrossEntropyLoss()
        self.bce = nn.BCEWithLogitsLoss()
        self.mse = nn.MSELoss()

    def forward(self, out, batch):
        losses = {
            "digit": self.ce(out["digit"], batch["digit"]),
            "even": self.bce(out["even"], batch["even"]),
            "ink": self.mse(out["ink"], batch["ink"]),
        }
        total = sum(torch.exp(-self.s[t]) * l + self.s[t] for t, l in losses.items())
        return total, losses


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--hidden", type=int, default=48)
    ap.add_argument("--batch_size", type=int, default=64)
    ap.add_argument("--lr", type=float, default=1e-2)
    ap.add_argument("--epochs", type=int, default=6)
    ap.add_argument("--patience", type=int, default=1)
    ap.add_argument("--logdir", default="runs")
    args = ap.parse_args()

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    full = InkDataset()
    train_set, val_set = random_split(full, [len(full) - 360, 360])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
    val_loader = DataLoader(val_set, batch_size=180, shuffle=False)

    model = MultiTaskNet(args.hidden).to(device)
    criterion = UncertaintyLoss(["digit", "even", "ink"]).to(device)
    optimizer = torch.optim.Adam(list(model.parameters()) + list(criterion.parameters()), lr=args.lr)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=args.patience)
    stamp = datetime.datetime.now().strftime("%b%d_%H-%M-%S")
    writer = SummaryWriter(args.logdir + "/" + stamp) if SummaryWriter else None

    n_iter = 0
    for epoch in range(args.epochs):
        model.train()
        for batch in train_loader:
            batch = {k: v.to(device) for k, v in batch.items()}
            optimizer.zero_grad()
            out = model(batch["x"])
            loss, parts = criterion(out, batch)
            loss.backward()
            optimizer.step()
            if writer is not None:
                writer.add_scalar("Loss/train", loss.item(), n_iter)
                for name, part in parts.items():
                    writer.add_scalar(f"Parts/{name}", part.item(), n_iter)
            n_iter += 1

        model.eval()
        val_loss, n_right, abs_err = 0.0, 0, 0.0
        with torch.no_grad():
            for batch in val_loader:
                batch = {k: v.to(device) for k, v in batch.items()}
                out = model(batch["x"])
                loss, _ = criterion(out, batch)
                val_loss += loss.item()
                n_right += (out["digit"].argmax(-1) == batch["digit"]).sum().item()
                abs_err += (out["ink"] - batch["ink"]).abs().sum().item()
        val_loss /= len(val_loader)
        acc = n_right / len(val_set)
        scheduler.step(val_loss)
        if writer is not None:
            writer.add_scalar("Loss/val", val_loss, epoch)
            writer.add_scalar("Accuracy/val", acc, epoch)
            writer.add_scalar("LR", optimizer.param_groups[0]["lr"], epoch)
            writer.add_histogram("trunk/weight", model.trunk[0].weight, epoch)
        print(f"epoch {epoch} val {val_loss:.4f} digits {acc:.3f} ink {abs_err / len(val_set):.3f}")
    if writer is not None:
        writer.add_hparams({"lr": args.lr, "hidden": args.hidden}, {"hparam/acc": acc})
        writer.close()


if __name__ == "__main__":
    main()
