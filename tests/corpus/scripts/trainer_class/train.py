import argparse
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class DigitsDataset(Dataset):
    def __init__(self, train: bool):
        d = load_digits()
        n = 1440
        self.data = torch.tensor(d.data[:n] if train else d.data[n:], dtype=torch.float32) / 16.0
        self.labels = torch.tensor(d.target[:n] if train else d.target[n:])

    def __len__(self):
        return self.labels.shape[0]

    def __getitem__(self, index):
        return self.data[index], self.labels[index]


class Classifier(torch.nn.Module):
    def __init__(self, hidden_size: int, dropout: float):
        super().__init__()
        self.layer1 = torch.nn.Linear(64, hidden_size)
        self.norm = torch.nn.BatchNorm1d(hidden_size)
        self.drop = torch.nn.Dropout(dropout)
        self.layer2 = torch.nn.Linear(hidden_size, 10)

    def forward(self, x):
        return self.layer2(self.drop(F.relu(self.norm(self.layer1(x)))))


class Trainer:
    def __init__(
        self,
        model: torch.nn.Module,
        train_data: DataLoader,
        val_data: DataLoader,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        save_every: int,
        snapshot_path: str,
    ) -> None:
        self.device = device
        self.model = model.to(device)
        self.train_data = train_data
        self.val_data = val_data
        self.optimizer = optimizer
        self.save_every = save_every
        self.epochs_run = 0
        self.snapshot_path = snapshot_path
        if os.path.exists(snapshot_path):
            print("Loading snapshot")
            self._load_snapshot(snapshot_path)

    def _load_snapshot(self, snapshot_path):
        snapshot = torch.load(snapshot_path, map_location=self.device)
        self.model.load_state_dict(snapshot["MODEL_STATE"])
        self.epochs_run = snapshot["EPOCHS_RUN"]
        print(f"Resuming training from snapshot at Epoch {self.epochs_run}")

    def _run_batch(self, source, targets):
        self.optimizer.zero_grad()
        output = self.model(source)
        loss = F.cross_entropy(output, targets)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def _run_epoch(self, epoch):
        self.model.train()
        total = 0.0
        for source, targets in self.train_data:
            source = source.to(self.device)
            targets = targets.to(self.device)
            total += self._run_batch(source, targets)
        print(f"Epoch {epoch} | Steps: {len(self.train_data)} | Loss: {total / len(self.train_data):.4f}")

    @torch.no_grad()
    def _validate(self, epoch):
        self.model.eval()
        correct, total_loss = 0, 0.0
        for source, targets in self.val_data:
            source, targets = source.to(self.device), targets.to(self.device)
            output = self.model(source)
            total_loss += F.cross_entropy(output, targets, reduction="sum").item()
            correct += (output.argmax(dim=1) == targets).sum().item()
        n = len(self.val_data.dataset)
        print(f"Epoch {epoch} | Validation loss: {total_loss / n:.4f} | Accuracy: {correct / n:.4f}")

    def _save_snapshot(self, epoch):
        snapshot = {"MODEL_STATE": self.model.state_dict(), "EPOCHS_RUN": epoch}
        torch.save(snapshot, self.snapshot_path)
        print(f"Epoch {epoch} | Training snapshot saved at {self.snapshot_path}")

    def train(self, max_epochs: int):
        for epoch in range(self.epochs_run, max_epochs):
            self._run_epoch(epoch)
            self._validate(epoch)
            if epoch % self.save_every == 0:
                self._save_snapshot(epoch)


def load_train_objs(hidden_size, dropout, lr):
    train_set, val_set = DigitsDataset(train=True), DigitsDataset(train=False)
    model = Classifier(hidden_size, dropout)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return train_set, val_set, model, optimizer


def prepare_dataloader(dataset: Dataset, batch_size: int, shuffle: bool):
    return DataLoader(dataset, batch_size=batch_size, pin_memory=torch.cuda.is_available(), shuffle=shuffle)


def main(device, total_epochs, save_every, batch_size, hidden_size=48, dropout=0.1, lr=0.05):
    train_set, val_set, model, optimizer = load_train_objs(hidden_size, dropout, lr)
    train_data = prepare_dataloader(train_set, batch_size, shuffle=True)
    val_data = prepare_dataloader(val_set, 2 * batch_size, shuffle=False)
    trainer = Trainer(model, train_data, val_data, optimizer, device, save_every, "snapshot.pt")
    trainer.train(total_epochs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="simple single-device training job")
    parser.add_argument("--total_epochs", type=int, default=4, help="Total epochs to train the model")
    parser.add_argument("--save_every", type=int, default=2, help="How often to save a snapshot")
    parser.add_argument("--batch_size", default=40, type=int, help="Input batch size (default: 40)")
    args = parser.parse_args()

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    main(device, args.total_epochs, args.save_every, args.batch_size)
