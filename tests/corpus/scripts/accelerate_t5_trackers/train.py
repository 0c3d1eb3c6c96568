# seq2seq with a tiny T5: put the words of a sentence in alphabetical order
import argparse
import logging
import os

import torch
from accelerate import Accelerator
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import T5Config, T5ForConditionalGeneration, get_cosine_schedule_with_warmup

logger = get_logger(__name__)
WORDS = sorted("ant bee cat dog eel fox gnu hen ibex jay koi lynx mole newt owl pig".split())
PAD, EOS = 0, 1


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--output_dir", default="t5-sorts")
    p.add_argument("--report_to", default="none", choices=["none", "tensorboard", "wandb"])
    p.add_argument("--num_samples", type=int, default=640)
    p.add_argument("--per_device_batch_size", type=int, default=32)
    p.add_argument("--learning_rate", type=float, default=5e-3)
    p.add_argument("--warmup", type=int, default=6)
    p.add_argument("--num_epochs", type=int, default=3)
    p.add_argument("--max_grad_norm", type=float, default=1.0)
    p.add_argument("--d_model", type=int, default=32)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def make_samples(n):
    out = []
    for _ in range(n):
        k = int(torch.randint(2, 6, ()))
        idx = torch.randint(len(WORDS), (k,)).tolist()
        out.append({"source": [WORDS[i] for i in idx], "target": [WORDS[i] for i in sorted(idx)]})
    return out


def encode(words):
    return [WORDS.index(w) + 2 for w in words] + [EOS]


class Collator:
    def __init__(self, pad_id=PAD, label_pad=-100):
        self.pad_id = pad_id
        self.label_pad = label_pad

    def __call__(self, samples):
        src = [encode(s["source"]) for s in samples]
        tgt = [encode(s["target"]) for s in samples]
        ls, lt = max(map(len, src)), max(map(len, tgt))
        return {
            "input_ids": torch.tensor([s + [self.pad_id] * (ls - len(s)) for s in src]),
            "attention_mask": torch.tensor([[1] * len(s) + [0] * (ls - len(s)) for s in src]),
            "labels": torch.tensor([t + [self.label_pad] * (lt - len(t)) for t in tgt]),
        }


def main():
    args = parse_args()
    accelerator = Accelerator(
        log_with=None if args.report_to == "none" else args.report_to,
        project_dir=args.output_dir,
    )
    logging.basicConfig(format="%(asctime)s - %(levelname)s - %(name)s - %(message)s", level=logging.INFO)
    logger.info(accelerator.state, main_process_only=False)
    set_seed(args.seed)
    if accelerator.is_main_process:
        os.makedirs(args.output_dir, exist_ok=True)

    collate = Collator()
    train_dl = DataLoader(make_samples(args.num_samples), batch_size=args.per_device_batch_size, shuffle=True, collate_fn=collate)
    eval_dl = DataLoader(make_samples(96), batch_size=args.per_device_batch_size, collate_fn=collate)

    config = T5Config(
        vocab_size=len(WORDS) + 2, d_model=args.d_model, d_kv=8, d_ff=64, num_layers=1, num_heads=4,
        decoder_start_token_id=PAD, pad_token_id=PAD, eos_token_id=EOS,
    )
    model = T5ForConditionalGeneration(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate)
    total_steps = args.num_epochs * len(train_dl)
    scheduler = get_cosine_schedule_with_warmup(optimizer, args.warmup, total_steps)

    model, optimizer, train_dl, eval_dl, scheduler = accelerator.prepare(model, optimizer, train_dl, eval_dl, scheduler)
    accelerator.init_trackers("t5-sorts", config=vars(args))

    progress_bar = tqdm(range(total_steps), disable=not accelerator.is_local_main_process)
    completed_steps = 0
    best_exact = -1.0
    for epoch in range(args.num_epochs):
        model.train()
        for batch in train_dl:
            loss = model(**batch).loss
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), args.max_grad_norm)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            completed_steps += 1
            progress_bar.update(1)
            accelerator.log({"loss": loss.detach().item(), "lr": scheduler.get_last_lr()[0]}, step=completed_steps)

        model.eval()
        eval_loss, right, seen = 0.0, 0, 0
        for batch in eval_dl:
            with torch.no_grad():
                outputs = model(**batch)
            losses = accelerator.gather_for_metrics(outputs.loss.repeat(len(batch["labels"])))
            eval_loss += losses.sum().item()
            guessed = accelerator.pad_across_processes(outputs.logits.argmax(-1), dim=1, pad_index=PAD)
            labels = accelerator.pad_across_processes(batch["labels"], dim=1, pad_index=-100)
            guessed, labels = accelerator.gather_for_metrics((guessed, labels))
            right += ((guessed == labels) | (labels == -100)).all(-1).sum().item()
            seen += len(labels)
        exact = right / seen
        accelerator.log({"eval_loss": eval_loss / seen, "exact_match": exact, "epoch": epoch}, step=completed_steps)
        logger.info(f"epoch {epoch}: eval loss {eval_loss / seen:.4f}, exact match {exact:.3f}")

        if exact > best_exact:
            best_exact = exact
            accelerator.wait_for_everyone()
            accelerator.unwrap_model(model).save_pretrained(
                args.output_dir, is_main_process=accelerator.is_main_process, save_function=accelerator.save
            )

    accelerator.end_training()


if __name__ == "__main__":
    main()
