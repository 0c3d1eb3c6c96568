import argparse
import json
import os
import random
import sys
from collections import defaultdict
from typing import Dict, List, Tuple

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class SentenceDataset(Dataset):
    """Sentences of the book, and whether they are long ones."""

    def __init__(self, sentences: List[Tuple[List[int], int]], max_len: int) -> None:
        self.sentences = sentences
        self.max_len = max_len

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, item: int) -> Dict[str, torch.Tensor]:
        ids, label = self.sentences[item]
        ids = ids[: self.max_len]
        mask = [1] * len(ids) + [0] * (self.max_len - len(ids))
        ids = ids + [0] * (self.max_len - len(ids))
        return {
            "ids": torch.tensor(ids, dtype=torch.long),
            "mask": torch.tensor(mask, dtype=torch.bool),
            "targets": torch.tensor(label, dtype=torch.long),
        }


def read_book(path: str, min_count: int = 2) -> Tuple[List[Tuple[List[int], int]], Dict[str, int]]:
    with open(path, encoding="utf-8") as f:
        text = f.read().replace("\n", " ")
    raw = [s.strip() for s in text.replace("!", ".").replace("?", ".").replace(";", ".").split(".") if len(s) > 15]
    tokenized = [[w.strip(",'\"()-").lower() for w in s.split()] for s in raw]
    counts: Dict[str, int] = defaultdict(int)
    for words in tokenized:
        for w in words:
            counts[w] += 1
    vocab = {"<pad>": 0, "<unk>": 1}
    for w in sorted(counts):
        if counts[w] >= min_count:
            vocab[w] = len(vocab)
    # half of them are longer than this
    limit = int(np.median([len(words) for words in tokenized]))
    data = [([vocab.get(w, 1) for w in words], int(len(words) > limit)) for words in tokenized]
    return data, vocab


class BagOfEmbeddings(nn.Module):
    def __init__(self, n_words: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_words, dim, padding_idx=0)
        self.gate = nn.Linear(dim, 1)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(dim, 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        h = self.dropout(self.embedding(ids))
        weight = torch.sigmoid(self.gate(h)) * mask.unsqueeze(-1)
        return self.out((h * weight).sum(1) / 8)


def train_one_epoch(model, data_loader, loss_fn, optimizer, device, scheduler, n_examples, clip) -> Tuple[float, float]:
    model = model.train()
    losses = []
    correct_predictions = 0
    for d in data_loader:
        ids = d["ids"].to(device)
        mask = d["mask"].to(device)
        targets = d["targets"].to(device)

        outputs = model(ids, mask)
        _, preds = torch.max(outputs, dim=1)
        loss = loss_fn(outputs, targets)
        correct_predictions += torch.sum(preds == targets).item()
        losses.append(loss.item())

        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=clip)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return correct_predictions / n_examples, float(np.mean(losses))


def eval_model(model, data_loader, loss_fn, device, n_examples) -> Tuple[float, float]:
    model = model.eval()
    losses = []
    correct_predictions = 0
    with torch.no_grad():
        for d in data_loader:
            ids = d["ids"].to(device)
            mask = d["mask"].to(device)
            targets = d["targets"].to(device)
            outputs = model(ids, mask)
            _, preds = torch.max(outputs, dim=1)
            loss = loss_fn(outputs, targets)
            correct_predictions += torch.sum(preds == targets).item()
            losses.append(loss.item())
    return correct_predictions / n_examples, float(np.mean(losses))


def main() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("book", help="a text in UTF-8")
    parser.add_argument("--out", default="results", help="folder of the checkpoint and the history")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--patience", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--bs", type=int, default=16)
    parser.add_argument("--max-len", type=int, default=40)
    args = parser.parse_args()

    random.seed(42)
    np.random.seed(42)
    torch.manual_seed(42)
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

    data, vocab = read_book(args.book)
    random.shuffle(data)
    a, b = int(0.7 * len(data)), int(0.85 * len(data))
    df_train, df_val, df_test = data[:a], data[a:b], data[b:]
    print(len(df_train), len(df_val), len(df_test), "sentences,", len(vocab), "words", file=sys.stderr)
    train_data_loader = DataLoader(SentenceDataset(df_train, args.max_len), batch_size=args.bs, shuffle=True)
    val_data_loader = DataLoader(SentenceDataset(df_val, args.max_len), batch_size=args.bs)
    test_data_loader = DataLoader(SentenceDataset(df_test, args.max_len), batch_size=args.bs)

    model = BagOfEmbeddings(len(vocab), 16, 0.2).to(device)
    optimizer = optim.AdamW(model.parameters(), lr=args.lr)
    total_steps = len(train_data_loader) * args.epochs
    scheduler = optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=total_steps)
    loss_fn = nn.CrossEntropyLoss().to(device)

    os.makedirs(args.out, exist_ok=True)
    best_path = os.path.join(args.out, "best_model_state.bin")
    history = defaultdict(list)
    best_accuracy, bad_epochs = 0, 0

    for epoch in range(args.epochs):
        print(f"Epoch {epoch + 1}/{args.epochs}")
        train_acc, train_loss = train_one_epoch(
            model, train_data_loader, loss_fn, optimizer, device, scheduler, len(df_train), args.clip
        )
        print(f"Train loss {train_loss} accuracy {train_acc}")
        val_acc, val_loss = eval_model(model, val_data_loader, loss_fn, device, len(df_val))
        print(f"Val   loss {val_loss} accuracy {val_acc}")

        history["train_acc"].append(train_acc)
        history["train_loss"].append(train_loss)
        history["val_acc"].append(val_acc)
        history["val_loss"].append(val_loss)

        if val_acc > best_accuracy:
            torch.save(model.state_dict(), best_path)
            best_accuracy = val_acc
            bad_epochs = 0
        else:
            bad_epochs += 1
            if bad_epochs >= args.patience:
                print("no improvement, stopping")
                break

    with open(os.path.join(args.out, "history.json"), "w") as f:
        json.dump(history, f)

    # the best one is tested
    model.load_state_dict(torch.load(best_path))
    test_acc, _ = eval_model(model, test_data_loader, loss_fn, device, len(df_test))
    print("test accuracy", test_acc)


if __name__ == "__main__":
    main()
