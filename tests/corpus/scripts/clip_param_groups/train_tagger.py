"""A BiGRU that tags tokens of synthetic arithmetic with their kind. Embeddings learn slower than the rest."""
import argparse
import logging
import random

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
logger = logging.getLogger(__name__)

TAGS = ["PAD", "NUM", "VAR", "OP", "FUN", "PAREN"]
WORDS = {
    "NUM": [str(i) for i in range(20)],
    "VAR": list("xyzuvw"),
    "OP": list("+-*/="),
    "FUN": ["sin", "cos", "exp", "log"],
    "PAREN": ["(", ")"],
}
ITOS = ["<pad>", "<unk>"] + [w for ws in WORDS.values() for w in ws]
STOI = {w: i for i, w in enumerate(ITOS)}


class Expressions(Dataset):
    def __init__(self, size, rng):
        self.samples = []
        for _ in range(size):
            tags = [rng.choice(TAGS[1:]) for _ in range(rng.randint(5, 14))]
            words = [rng.choice(WORDS[t]) for t in tags]
            # some words are not known
            ids = [STOI[w] if rng.random() > 0.08 else STOI["<unk>"] for w in words]
            self.samples.append((torch.tensor(ids), torch.tensor([TAGS.index(t) for t in tags])))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


def pad_batch(batch):
    batch.sort(key=lambda s: len(s[0]), reverse=True)
    lengths = torch.tensor([len(ids) for ids, _ in batch])
    ids, tags = zip(*batch)
    return pad_sequence(ids, batch_first=True), pad_sequence(tags, batch_first=True), lengths


class Tagger(nn.Module):
    def __init__(self, dim=16, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding(len(ITOS), dim, padding_idx=0)
        self.rnn = nn.GRU(dim, hidden, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.dropout(self.embedding(ids)), lengths, batch_first=True)
        out, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.head(out)


def evaluate(model, loader, criterion):
    model.eval()
    loss_sum, right, total = 0.0, 0, 0
    with torch.no_grad():
        for ids, tags, lengths in loader:
            scores = model(ids, lengths)
            loss_sum += criterion(scores.transpose(1, 2), tags).item() * len(ids)
            mask = tags != 0
            right += (scores.argmax(-1)[mask] == tags[mask]).sum().item()
            total += mask.sum().item()
    return loss_sum / len(loader.dataset), right / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--embedding-lr", type=float, default=1e-3)
    parser.add_argument("--clip", type=float, default=0.5, help="largest norm of all gradients together")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--optim", choices=["adam", "adamw", "sgd"], default="adam")
    args = parser.parse_args()

    rng = random.Random(11)
    torch.manual_seed(11)
    train_loader = DataLoader(Expressions(300, rng), args.batch_size, shuffle=True, collate_fn=pad_batch)
    valid_loader = DataLoader(Expressions(80, rng), 40, collate_fn=pad_batch)
    model = Tagger()
    criterion = nn.CrossEntropyLoss(ignore_index=0)

    rest = [p for n, p in model.named_parameters() if not n.startswith("embedding")]
    groups = [{"params": model.embedding.parameters(), "lr": args.embedding_lr}, {"params": rest}]
    if args.optim == "adam":
        optimizer = torch.optim.Adam(groups, lr=args.lr)
    elif args.optim == "adamw":
        optimizer = torch.optim.AdamW(groups, lr=args.lr)
    else:
        optimizer = torch.optim.SGD(groups, lr=args.lr, momentum=0.9)

    for epoch in range(1, args.epochs + 1):
        model.train()
        for ids, tags, lengths in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(ids, lengths).transpose(1, 2), tags)
            loss.backward()
            norm = clip_grad_norm_(model.parameters(), args.clip)
            optimizer.step()
        valid_loss, valid_acc = evaluate(model, valid_loader, criterion)
        logger.info("epoch %d: loss %.4f, last norm %.3f", epoch, loss.item(), norm)
        logger.info("epoch %d: valid loss %.4f, accuracy %.3f", epoch, valid_loss, valid_acc)


if __name__ == "__main__":
    main()
