"""Trains a small GPT-2 on a book, with a loop of its own on Accelerate."""
import argparse
import logging
import math
import os
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from tokenizers import ByteLevelBPETokenizer
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, GPT2Config, get_scheduler

logger = get_logger(__name__)


def parse_args():
    parser = argparse.ArgumentParser(description="Train a causal language model on a book")
    parser.add_argument("--book", type=str, required=True, help="A UTF-8 text file.")
    parser.add_argument("--vocab_size", type=int, default=400, help="Tokens of the BPE that is trained on the book.")
    parser.add_argument("--block_size", type=int, default=32, help="Tokens of one sample.")
    parser.add_argument("--val_share", type=float, default=0.1, help="Part of the book that validates.")
    parser.add_argument("--test_share", type=float, default=0.1, help="Part of the book that is held back.")
    parser.add_argument("--n_embd", type=int, default=32, help="Width of the model.")
    parser.add_argument("--n_layer", type=int, default=1, help="Blocks of the model.")
    parser.add_argument("--n_head", type=int, default=4, help="Heads of each attention.")
    parser.add_argument("--per_device_train_batch_size", type=int, default=64, help="Samples of a batch.")
    parser.add_argument("--per_device_eval_batch_size", type=int, default=64, help="Samples of a batch.")
    parser.add_argument("--learning_rate", type=float, default=2e-3, help="Peak of the learning rate.")
    parser.add_argument("--weight_decay", type=float, default=0.1, help="Pull of the matrices towards zero.")
    parser.add_argument("--num_train_epochs", type=int, default=3, help="How often the book is read.")
    parser.add_argument(
        "--max_train_steps",
        type=int,
        default=None,
        help="Updates to make, instead of a number of epochs.",
    )
    parser.add_argument(
        "--gradient_accumulation_steps", type=int, default=1, help="Batches to accumulate before an update."
    )
    parser.add_argument("--lr_scheduler_type", default="cosine", help="Shape of the learning rate.")
    parser.add_argument("--num_warmup_steps", type=int, default=20, help="Updates until the peak.")
    parser.add_argument("--output_dir", type=str, default=None, help="Folder of the trained model.")
    parser.add_argument("--seed", type=int, default=42, help="Start of all random numbers.")
    parser.add_argument(
        "--checkpointing_steps", type=str, default=None, help="Save every n steps, or 'epoch' for each epoch."
    )
    parser.add_argument("--resume_from_checkpoint", type=str, default=None, help="A checkpoint folder to go on with.")
    parser.add_argument("--with_tracking", action="store_true", help="Log to trackers.")
    parser.add_argument("--report_to", type=str, default="all", help="The trackers, with `--with_tracking`.")
    args = parser.parse_args()
    return args


class Blocks(Dataset):
    def __init__(self, ids, block_size):
        # what is left at the end is dropped
        self.blocks = ids[: len(ids) // block_size * block_size].view(-1, block_size)

    def __len__(self):
        return len(self.blocks)

    def __getitem__(self, index):
        ids = self.blocks[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}


def read_parts(book, val_share, test_share):
    text = Path(book).read_text(encoding="utf-8")
    test_start = round(len(text) * (1 - test_share))
    val_start = round(len(text) * (1 - test_share - val_share))
    return text[:val_start], text[val_start:test_start]


def train_tokenizer(text, vocab_size):
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        text.splitlines(keepends=True),
        vocab_size=vocab_size,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    return tokenizer


def main():
    args = parse_args()

    # Devices are the accelerator's business.
    accelerator_log_kwargs = {}
    if args.with_tracking:
        accelerator_log_kwargs["log_with"] = args.report_to
        accelerator_log_kwargs["project_dir"] = args.output_dir
    accelerator = Accelerator(
        gradient_accumulation_steps=args.gradient_accumulation_steps, **accelerator_log_kwargs
    )

    # Every process says once how it was set up.
    logging.basicConfig(
        format="%(asctime)s - %(levelname)s - %(name)s - %(message)s",
        datefmt="%m/%d/%Y %H:%M:%S",
        level=logging.INFO,
    )
    logger.info(accelerator.state, main_process_only=False)

    if args.seed is not None:
        set_seed(args.seed)

    # One process makes the folder that the model goes to.
    if accelerator.is_main_process:
        if args.output_dir is not None:
            os.makedirs(args.output_dir, exist_ok=True)
    accelerator.wait_for_everyone()

    with accelerator.main_process_first():
        train_text, eval_text = read_parts(args.book, args.val_share, args.test_share)
        tokenizer = train_tokenizer(train_text, args.vocab_size)
        train_dataset = Blocks(torch.tensor(tokenizer.encode(train_text).ids), args.block_size)
        eval_dataset = Blocks(torch.tensor(tokenizer.encode(eval_text).ids), args.block_size)

    config = GPT2Config(
        vocab_size=args.vocab_size,
        n_positions=args.block_size,
        n_embd=args.n_embd,
        n_layer=args.n_layer,
        n_head=args.n_head,
        bos_token_id=0,
        eos_token_id=0,
        loss_type="ForCausalLM",
    )
    model = AutoModelForCausalLM.from_config(config)

    train_dataloader = DataLoader(train_dataset, shuffle=True, batch_size=args.per_device_train_batch_size)
    eval_dataloader = DataLoader(eval_dataset, batch_size=args.per_device_eval_batch_size)

    # Weight decay is for the matrices, not for biases and norms.
    no_decay = ["bias", "ln_"]
    optimizer_grouped_parameters = [
        {
            "params": [p for n, p in model.named_parameters() if not any(nd in n for nd in no_decay)],
            "weight_decay": args.weight_decay,
        },
        {
            "params": [p for n, p in model.named_parameters() if any(nd in n for nd in no_decay)],
            "weight_decay": 0.0,
        },
    ]
    optimizer = torch.optim.AdamW(optimizer_grouped_parameters, lr=args.learning_rate)

    # The schedule counts updates, of which an epoch has fewer than batches.
    steps_from_epochs = False
    num_update_steps_per_epoch = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
    if args.max_train_steps is None:
        args.max_train_steps = args.num_train_epochs * num_update_steps_per_epoch
        steps_from_epochs = True

    lr_scheduler = get_scheduler(
        name=args.lr_scheduler_type,
        optimizer=optimizer,
        num_warmup_steps=args.num_warmup_steps * accelerator.num_processes,
        num_training_steps=args.max_train_steps
        if steps_from_epochs
        else args.max_train_steps * accelerator.num_processes,
    )

    model, optimizer, train_dataloader, eval_dataloader, lr_scheduler = accelerator.prepare(
        model, optimizer, train_dataloader, eval_dataloader, lr_scheduler
    )

    # A prepared loader may be shorter, as every process gets a share of it.
    num_update_steps_per_epoch = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
    if steps_from_epochs:
        args.max_train_steps = args.num_train_epochs * num_update_steps_per_epoch
    args.num_train_epochs = math.ceil(args.max_train_steps / num_update_steps_per_epoch)

    checkpointing_steps = args.checkpointing_steps
    if checkpointing_steps is not None and checkpointing_steps.isdigit():
        checkpointing_steps = int(checkpointing_steps)

    if args.with_tracking:
        accelerator.init_trackers("book", vars(args))

    total_batch_size = (
        args.per_device_train_batch_size * accelerator.num_processes * args.gradient_accumulation_steps
    )
    logger.info("***** Running training *****")
    logger.info(f"  Num examples = {len(train_dataset)}")
    logger.info(f"  Num Epochs = {args.num_train_epochs}")
    logger.info(f"  Total train batch size = {total_batch_size}")
    logger.info(f"  Total optimization steps = {args.max_train_steps}")
    # one bar for each machine
    progress_bar = tqdm(range(args.max_train_steps), disable=not accelerator.is_local_main_process)
    completed_steps = 0
    starting_epoch = 0

    # Go on with an earlier run?
    if args.resume_from_checkpoint:
        accelerator.print(f"Resumed from checkpoint: {args.resume_from_checkpoint}")
        accelerator.load_state(args.resume_from_checkpoint)
        training_difference = os.path.splitext(os.path.basename(args.resume_from_checkpoint))[0]
        if "epoch" in training_difference:
            starting_epoch = int(training_difference.replace("epoch_", "")) + 1
            resume_step = None
            completed_steps = starting_epoch * num_update_steps_per_epoch
        else:
            # its name counts updates, the loader counts batches
            resume_step = int(training_difference.replace("step_", "")) * args.gradient_accumulation_steps
            starting_epoch = resume_step // len(train_dataloader)
            completed_steps = resume_step // args.gradient_accumulation_steps
            resume_step -= starting_epoch * len(train_dataloader)

    progress_bar.update(completed_steps)

    for epoch in range(starting_epoch, args.num_train_epochs):
        model.train()
        if args.with_tracking:
            total_loss = 0
        if args.resume_from_checkpoint and epoch == starting_epoch and resume_step is not None:
            # These batches were trained on before.
            active_dataloader = accelerator.skip_first_batches(train_dataloader, resume_step)
        else:
            active_dataloader = train_dataloader
        for step, batch in enumerate(active_dataloader):
            with accelerator.accumulate(model):
                outputs = model(**batch)
                loss = outputs.loss
                if args.with_tracking:
                    total_loss += loss.detach().float()
                accelerator.backward(loss)
                optimizer.step()
                lr_scheduler.step()
                optimizer.zero_grad()

            # Was this the last batch of an update?
            if accelerator.sync_gradients:
                progress_bar.update(1)
                completed_steps += 1

            if isinstance(checkpointing_steps, int):
                if completed_steps % checkpointing_steps == 0 and accelerator.sync_gradients:
                    output_dir = f"step_{completed_steps}"
                    if args.output_dir is not None:
                        output_dir = os.path.join(args.output_dir, output_dir)
                    accelerator.save_state(output_dir)
            if completed_steps >= args.max_train_steps:
                break

        model.eval()
        losses = []
        for step, batch in enumerate(eval_dataloader):
            with torch.no_grad():
                outputs = model(**batch)

            loss = outputs.loss
            losses.append(accelerator.gather_for_metrics(loss.repeat(args.per_device_eval_batch_size)))

        losses = torch.cat(losses)
        try:
            eval_loss = torch.mean(losses)
            perplexity = math.exp(eval_loss)
        except OverflowError:
            perplexity = float("inf")

        logger.info(f"epoch {epoch}: perplexity: {perplexity} eval_loss: {eval_loss}")

        if args.with_tracking:
            accelerator.log(
                {
                    "perplexity": perplexity,
                    "eval_loss": eval_loss,
                    "train_loss": total_loss.item() / len(train_dataloader),
                    "epoch": epoch,
                    "step": completed_steps,
                },
                step=completed_steps,
            )

        if args.checkpointing_steps == "epoch":
            output_dir = f"epoch_{epoch}"
            if args.output_dir is not None:
                output_dir = os.path.join(args.output_dir, output_dir)
            accelerator.save_state(output_dir)

    if args.output_dir is not None:
        accelerator.wait_for_everyone()
        unwrapped_model = accelerator.unwrap_model(model)
        unwrapped_model.save_pretrained(
            args.output_dir, is_main_process=accelerator.is_main_process, save_function=accelerator.save
        )
        if accelerator.is_main_process:
            tokenizer.save(os.path.join(args.output_dir, "tokenizer.json"))

    accelerator.end_training()


if __name__ == "__main__":
    main()
