# From which half of the book is this sentence? A checkpoint is fine-tuned, on one machine or on many.
import argparse
import os

import torch
from accelerate import Accelerator
from accelerate.utils import find_executable_batch_size, set_seed
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup

VAL_BATCH = 32
PATIENCE = 400


class Plateau:
    """Says stop when the loss has not got better for a while."""

    def __init__(self, patience):
        self.patience = patience
        self.best = float("inf")
        self.waited = 0

    def is_over(self, value):
        self.waited = 0 if value < self.best else self.waited + 1
        self.best = min(self.best, value)
        return self.waited >= self.patience


def sentences_of(book):
    with open(book, encoding="utf-8") as file:
        found = [each.strip() for each in file.read().replace("\n", " ").split(".")]
    return [each for each in found if len(each.split()) > 3]


def run(options, args):
    if os.environ.get("SHORT_RUN") == "1":
        options["epochs"] = 1
    accelerator = Accelerator(cpu=args.cpu, log_with="tensorboard", project_dir="runs") if args.track else Accelerator(cpu=args.cpu)
    epochs = int(options["epochs"])
    if args.out is not None:
        os.makedirs(args.out, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
    with accelerator.main_process_first():
        texts = sentences_of(args.book)
        half = len(texts) // 2
        rows = [
            {**tokenizer(text, truncation=True, max_length=24), "labels": int(place >= half)}
            for place, text in enumerate(texts)
        ]

    def together(batch):
        # the TPU compiles for each length anew
        length = 24 if accelerator.distributed_type == "XLA" else None
        multiple = 8 if accelerator.mixed_precision != "no" else None
        return tokenizer.pad(
            batch, padding="longest", max_length=length, pad_to_multiple_of=multiple, return_tensors="pt"
        )

    scores = MetricCollection({"accuracy": BinaryAccuracy(), "f1": BinaryF1Score()})
    plateau = Plateau(PATIENCE)

    @find_executable_batch_size(starting_batch_size=options["batch"])
    def fit(batch_size):
        nonlocal accelerator
        accelerator.free_memory()
        set_seed(options["seed"])
        train_loader = DataLoader(rows[::2], shuffle=True, collate_fn=together, batch_size=batch_size)
        val_loader = DataLoader(rows[1::2], collate_fn=together, batch_size=VAL_BATCH)
        model = AutoModelForSequenceClassification.from_pretrained(args.checkpoint, num_labels=2)
        model = model.to(accelerator.device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=options["rate"])
        schedule = get_linear_schedule_with_warmup(optimizer, 4, len(train_loader) * epochs)
        model, optimizer, train_loader, val_loader, schedule = accelerator.prepare(
            model, optimizer, train_loader, val_loader, schedule
        )
        for epoch in range(epochs):
            model.train()
            for batch in train_loader:
                with accelerator.accumulate(model):
                    loss = model(**batch).loss
                    accelerator.backward(loss)
                    optimizer.step()
                    schedule.step()
                    optimizer.zero_grad()
                if plateau.is_over(loss.item()):
                    accelerator.set_trigger()
                if accelerator.check_trigger():
                    break
            model.eval()
            for batch in val_loader:
                with torch.no_grad():
                    logits = model(**batch).logits
                guesses, labels = accelerator.gather_for_metrics((logits.argmax(dim=-1), batch["labels"]))
                print(f"{accelerator.device.type}: {guesses}")
                scores.update(guesses, labels)
            found = scores.compute()
            scores.reset()
            accelerator.print(f"after {epoch + 1}:", found)
            if args.track:
                accelerator.log({"accuracy": found["accuracy"], "epoch": epoch}, step=epoch)
            if args.out is not None:
                accelerator.save_state(os.path.join(args.out, f"epoch_{epoch}"))

    fit()
    accelerator.end_training()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("book")
    parser.add_argument("checkpoint", help="a folder with a model and its tokenizer")
    parser.add_argument("--out", help="states are saved there")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--track", action="store_true", help="write to TensorBoard")
    run({"rate": 2e-3, "epochs": 2, "batch": 16, "seed": 7}, parser.parse_args())


if __name__ == "__main__":
    main()
