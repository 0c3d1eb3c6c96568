import argparse
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

VOCAB = "the a not very good bad great awful film plot actor was is and boring fun".split()
POS, NEG = {"good", "great", "fun"}, {"bad", "awful", "boring"}


def make_reviews(n):
    rows = []
    while len(rows) < n:
        words = random.choices(VOCAB, k=random.randint(4, 11))
        score = sum((w in POS) - (w in NEG) for w in words)
        if score != 0:
            rows.append((words, int(score > 0)))
    return rows


def collate(rows):
    ids = [torch.tensor([VOCAB.index(w) + 1 for w in words]) for words, _ in rows]
    ids = nn.utils.rnn.pad_sequence(ids, batch_first=True)
    labels = torch.tensor([label for _, label in rows])
    return ids, ids.ne(0), labels


class TextCNN(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.emb = nn.Embedding(len(VOCAB) + 1, dim, padding_idx=0)
        self.conv = nn.Conv1d(dim, 32, kernel_size=3, padding=1)
        self.fc = nn.Linear(32, 2)

    def forward(self, ids, mask):
        h = self.conv(self.emb(ids).transpose(1, 2)).relu()
        h = h.masked_fill(~mask.unsqueeze(1), float("-inf")).max(-1).values
        return self.fc(F.dropout(h, 0.3, training=self.training))


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


def main(argv=None):
    ap = argparse.ArgumentParser()
    ap.add_argument("--gradient_accumulation_steps", type=int, default=2)
    ap.add_argument("--per_gpu_train_batch_size", type=int, default=16)
    ap.add_argument("--learning_rate", type=float, default=2e-3)
    ap.add_argument("--num_train_epochs", type=int, default=2)
    ap.add_argument("--seed", type=int, default=42)
    args = ap.parse_args(argv)
    args.n_gpu = torch.cuda.device_count()
    args.train_batch_size = args.per_gpu_train_batch_size * max(1, args.n_gpu)
    args.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    set_seed(args.seed)

    train_dataset, eval_dataset = make_reviews(420), make_reviews(90)
    train_dataloader = DataLoader(train_dataset, batch_size=args.train_batch_size, shuffle=True, collate_fn=collate)
    eval_dataloader = DataLoader(eval_dataset, batch_size=64, collate_fn=collate)
    model = TextCNN()
    model.to(args.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.learning_rate)

    tr_loss, global_step = 0.0, 0
    for epoch in range(int(args.num_train_epochs)):
        for step, batch in enumerate(train_dataloader):
            model.train()
            batch = tuple(t.to(args.device) for t in batch)
            logits = model(batch[0], batch[1])
            loss = F.cross_entropy(logits, batch[2])
            if args.gradient_accumulation_steps > 1:
                loss = loss / args.gradient_accumulation_steps
            loss.backward()
            tr_loss += loss.item()
            if step % args.gradient_accumulation_steps == 0:
                optimizer.step()
                model.zero_grad()
                global_step += 1

        model.eval()
        preds, golds = [], []
        for batch in eval_dataloader:
            batch = tuple(t.to(args.device) for t in batch)
            with torch.no_grad():
                logits = model(batch[0], batch[1])
            preds.append(logits.argmax(-1).cpu().numpy())
            golds.append(batch[2].cpu().numpy())
        acc = (np.concatenate(preds) == np.concatenate(golds)).mean()
        print({"epoch": epoch, "global_step": global_step, "loss": tr_loss / global_step, "acc": float(acc)})


if __name__ == "__main__":
    main()
