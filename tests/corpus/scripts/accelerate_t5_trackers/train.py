# A tiny T5 learns Roman numerals: 1 9 4 in, C X C I V out. Every update goes to the trackers.
import argparse
import logging
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from transformers import T5Config, T5ForConditionalGeneration
from transformers import get_cosine_with_hard_restarts_schedule_with_warmup as restarting_cosine
from transformers import set_seed
from accelerate import Accelerator
from accelerate.logging import get_logger

out = get_logger("roman")

SYMBOLS = "_.0123456789IVXLCDM"  # the first fills up, the second ends
VALUES = [
    *(("M", 1000), ("CM", 900), ("D", 500), ("CD", 400), ("C", 100), ("XC", 90)),
    *(("L", 50), ("XL", 40), ("X", 10), ("IX", 9), ("V", 5), ("IV", 4), ("I", 1)),
]


def command_line():
    cl = argparse.ArgumentParser()
    cl.add_argument("--tracker", default="none", choices=["none", "tensorboard", "wandb", "trackio"])
    cl.add_argument("--folder", default="roman-t5", help="best model and curves")
    cl.add_argument("--highest", type=int, default=700)
    cl.add_argument("--unknown", type=int, default=100, help="numbers that are kept for the exam")
    cl.add_argument("--batch", type=int, default=30)
    cl.add_argument("--epochs", type=int, default=5)
    cl.add_argument("--lr", type=float, default=8e-3)
    cl.add_argument("--restarts", type=int, default=2, help="arches of the cosine")
    cl.add_argument("--clip", type=float, default=2.0)
    cl.add_argument("--width", type=int, default=32)
    cl.add_argument("--seed", type=int, default=4)
    return cl.parse_args()


def roman(number):
    text = ""
    for letters, value in VALUES:
        while number >= value:
            text += letters
            number -= value
    return text


class Pack:
    """Makes a batch of numbers; ``hidden`` stands in labels where nothing is asked."""

    def __init__(self, hidden):
        self.hidden = hidden

    def __call__(self, numbers):
        asked = self.rows([str(number) for number in numbers], 0)
        return {
            "input_ids": asked,
            "attention_mask": asked.ne(0).long(),
            "labels": self.rows([roman(number) for number in numbers], self.hidden),
        }

    @staticmethod
    def rows(texts, filler):
        width = max(len(text) for text in texts) + 1
        table = torch.full((len(texts), width), filler)
        for row, text in zip(table, texts):
            for column, letter in enumerate(text + "."):
                row[column] = SYMBOLS.index(letter)
        return table


def main():
    cl = command_line()
    tracker = None if cl.tracker == "none" else cl.tracker
    accelerator = Accelerator(log_with=tracker, project_dir=cl.folder)
    logging.basicConfig(level="INFO", format="%(levelname)s %(message)s")
    out.info(f"process {accelerator.process_index} of {accelerator.num_processes}", main_process_only=False)
    set_seed(cl.seed)

    numbers = (torch.randperm(cl.highest) + 1).tolist()
    pack = Pack(hidden=-100)
    lessons = DataLoader(numbers[cl.unknown :], cl.batch, shuffle=True, collate_fn=pack)
    exam = DataLoader(numbers[: cl.unknown], cl.batch, collate_fn=pack)

    t5 = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(SYMBOLS),
            d_model=cl.width,
            d_ff=2 * cl.width,
            d_kv=16,
            num_heads=2,
            num_layers=1,
            dropout_rate=0.02,
            feed_forward_proj="gated-gelu",
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
    )
    opt = torch.optim.AdamW(t5.parameters(), lr=cl.lr, betas=(0.9, 0.98))
    steps = cl.epochs * len(lessons)
    plan = restarting_cosine(opt, num_warmup_steps=steps // 10, num_training_steps=steps, num_cycles=cl.restarts)

    lessons, exam, t5, opt, plan = accelerator.prepare(lessons, exam, t5, opt, plan)
    accelerator.init_trackers("roman", config=vars(cl))

    step, best = 0, -1.0
    for epoch in range(cl.epochs):
        t5.train()
        for batch in lessons:
            loss = t5(**batch).loss
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(t5.parameters(), cl.clip)
            opt.step()
            plan.step()
            opt.zero_grad()
            step += 1
            accelerator.log({"lesson/loss": loss.item(), "lesson/lr": plan.get_last_lr()[0]}, step=step)

        t5.eval()
        whole, letters, asked = 0, [], 0
        for batch in exam:
            with torch.no_grad():
                said = t5(**batch)
            # rows of other processes may be longer
            written = accelerator.pad_across_processes(said.logits.argmax(-1), dim=1)
            wanted = accelerator.pad_across_processes(batch["labels"], dim=1, pad_index=-100)
            written, wanted = accelerator.gather_for_metrics((written, wanted))
            right = (written == wanted) | (wanted == -100)
            whole += right.all(dim=1).sum().item()
            asked += len(right)
            letters.append(accelerator.gather_for_metrics(said.loss.repeat(len(right))))
        score = whole / asked
        exam_loss = torch.cat(letters).mean().item()
        accelerator.log({"exam/loss": exam_loss, "exam/score": score}, step=step)
        out.info(f"epoch {epoch}: loss {exam_loss:.4f}, score {score:.2f}")

        if score > best:
            best = score
            accelerator.wait_for_everyone()
            if accelerator.is_main_process:
                Path(cl.folder).mkdir(exist_ok=True)
            accelerator.unwrap_model(t5).save_pretrained(cl.folder, is_main_process=accelerator.is_main_process)

    accelerator.end_training()


if __name__ == "__main__":
    main()
