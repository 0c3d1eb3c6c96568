# Has somebody put words of a dictionary into this sentence? A small ELECTRA learns to tell.
import argparse
import random
import re
from collections import Counter

import torch
from accelerate import Accelerator
from torch.optim import RAdam
from torch.utils.data import DataLoader, Dataset
from transformers import BatchEncoding, ElectraConfig, ElectraForSequenceClassification
from transformers import get_polynomial_decay_schedule_with_warmup, set_seed

FITS = 8  # sentences that go through the network at once
LONGEST = 48
SETTINGS = {"rate": 1e-2, "rounds": 4, "sentences_per_update": 16, "dropout": 0.05, "seed": 11}


class Sentences(Dataset):
    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


class Tally:
    """Counts over one evaluation; asking for the result starts the next."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.right = self.total = 0
        self.caught = self.spoiled = 0

    def see(self, guessed, truth):
        hit = guessed == truth
        self.right += hit.sum().item()
        self.total += len(truth)
        self.caught += hit[truth == 1].sum().item()
        self.spoiled += (truth == 1).sum().item()

    def result(self):
        accuracy = self.right / self.total
        recall = self.caught / max(self.spoiled, 1)
        self.clear()
        return {"accuracy": accuracy, "recall": recall}


def sentences_of(book):
    with open(book, encoding="utf-8") as f:
        parts = re.split(r"[.!?;]+", f.read())
    return [words for words in (part.split() for part in parts) if 5 <= len(words) <= 40]


def spoil(words, dictionary, dice):
    return [dice.choice(dictionary) if dice.random() < 0.5 else word for word in words]


def loaders(accelerator, book, batch_size):
    dice = random.Random(1817)
    pairs = []
    clean = sentences_of(book)
    dictionary = sorted({word for words in clean for word in words})
    for words in clean:
        wrong = dice.random() < 0.5
        pairs.append((spoil(words, dictionary, dice) if wrong else words, int(wrong)))
    dice.shuffle(pairs)

    counts = Counter(word.lower() for words, _ in pairs for word in words)
    # 0 fills up, 1 begins, 2 is any rare word
    numbers = {word: n for n, (word, _) in enumerate(counts.most_common(500), start=3)}
    # half precision likes lengths that eight divides
    step = 1 if accelerator.mixed_precision == "no" else 8

    def as_batch(samples):
        rows = [[1] + [numbers.get(word.lower(), 2) for word in words][: LONGEST - 1] for words, _ in samples]
        width = -(-max(map(len, rows)) // step) * step
        return BatchEncoding(
            {
                "input_ids": [row + [0] * (width - len(row)) for row in rows],
                "attention_mask": [[1] * len(row) + [0] * (width - len(row)) for row in rows],
                "labels": [spoiled for _, spoiled in samples],
            },
            tensor_type="pt",
        )

    kept = len(pairs) // 6
    train = DataLoader(Sentences(pairs[kept:]), batch_size, shuffle=True, drop_last=True, collate_fn=as_batch)
    test = DataLoader(Sentences(pairs[:kept]), 2 * batch_size, collate_fn=as_batch)
    return train, test, len(numbers) + 3


def fit(settings, args):
    accelerator = Accelerator(mixed_precision=args.precision, cpu=args.cpu)
    rate = settings["rate"]
    rounds = settings["rounds"]
    set_seed(settings["seed"])

    # an update of more sentences than fit is made of several batches
    batch_size = settings["sentences_per_update"]
    batches_per_update = 1
    if batch_size > FITS:
        batches_per_update = batch_size // FITS
        batch_size = FITS
    train, test, vocabulary = loaders(accelerator, args.book, batch_size)

    net = ElectraForSequenceClassification(
        ElectraConfig(
            vocab_size=vocabulary,
            embedding_size=24,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=LONGEST,
            initializer_range=0.2,
            hidden_dropout_prob=settings["dropout"],
        )
    )
    net = net.to(accelerator.device)
    optimizer = RAdam(net.parameters(), lr=rate)
    schedule = get_polynomial_decay_schedule_with_warmup(
        optimizer,
        num_warmup_steps=5,
        num_training_steps=rounds * len(train) // batches_per_update,
        power=1.2,
    )
    net, optimizer, train, test, schedule = accelerator.prepare(net, optimizer, train, test, schedule)

    tally = Tally()
    for r in range(rounds):
        net.train()
        for i, batch in enumerate(train):
            batch = batch.to(accelerator.device)
            answer = net(**batch)
            loss = answer.loss / batches_per_update
            accelerator.backward(loss)
            if i % batches_per_update == 0:
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()

        net.eval()
        for batch in test:
            batch = batch.to(accelerator.device)
            with torch.no_grad():
                guessed = net(**batch).logits.argmax(-1)
            guessed, truth = accelerator.gather_for_metrics((guessed, batch["labels"]))
            tally.see(guessed, truth)
        found = tally.result()
        accelerator.print(f"round {r + 1}:", found)


def main():
    parser = argparse.ArgumentParser(description="spoiled sentences of a book")
    parser.add_argument("book", help="a text with full stops")
    parser.add_argument("--precision", default=None, choices=["no", "bf16", "fp16"], help="of the forward pass")
    parser.add_argument("--cpu", action="store_true", help="leave the graphics card alone")
    fit(SETTINGS, parser.parse_args())


if __name__ == "__main__":
    main()
