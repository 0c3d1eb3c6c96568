"""A little GPT-2 reads one book in windows of equal length, and looks at unread pages after each pass."""
import argparse
import json
import logging
import math
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.logging import get_logger
from tokenizers import ByteLevelBPETokenizer
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, GPT2Config, get_scheduler, set_seed

log = get_logger("book")


def options():
    parser = argparse.ArgumentParser(description="Reads a book with GPT-2.")

    book = parser.add_argument_group("the book")
    book.add_argument("--book", required=True, help="plain text, one file")
    book.add_argument("--tokens", type=int, default=400, help="size of the alphabet of byte pairs")
    book.add_argument("--block_size", type=int, default=32, help="length of a window in tokens")
    book.add_argument("--unread", type=float, default=0.1, help="share of the pages to look at after each pass")
    book.add_argument("--sealed", type=float, default=0.1, help="share at the very end that nothing here opens")

    net = parser.add_argument_group("the network")
    net.add_argument("--n_embd", type=int, default=32, help="numbers per token")
    net.add_argument("--depth", type=int, default=1)
    net.add_argument("--heads", type=int, default=4)

    way = parser.add_argument_group("the training")
    way.add_argument("--windows", type=int, default=64, help="windows that one device takes at a time")
    way.add_argument("--unread_windows", type=int, default=64, help="the same for the unread pages")
    way.add_argument(
        "--gradient_accumulation_steps",
        type=int,
        default=1,
        help="how many batches share one update",
    )
    way.add_argument("--peak", type=float, default=2e-3, help="learning rate after the ramp")
    way.add_argument("--ramp", type=int, default=20, help="updates before the peak is reached")
    way.add_argument("--shape", default="cosine", help="how the rate falls, in the words of transformers")
    way.add_argument("--shrink", type=float, default=0.1, help="decay of everything with two dimensions")
    way.add_argument("--passes", type=int, default=3, help="times through the book")
    way.add_argument(
        "--updates",
        type=int,
        default=None,
        help="stop after so many updates, however many passes that takes",
    )
    way.add_argument("--seed", type=int, default=42)

    files = parser.add_argument_group("what stays")
    files.add_argument("--out", default=None, help="folder for the network, its alphabet and the saved states")
    files.add_argument("--save_every", default=None, help="a number of updates, or the word pass")
    files.add_argument("--continue_from", default=None, help="a saved state: .../update-120 or .../pass-2")
    files.add_argument("--track", action="store_true", help="write curves")
    files.add_argument("--tracker", default="all", help="which of the installed trackers writes them")

    return parser.parse_args()


class Windows(Dataset):
    """Cuts a long row of tokens; a window is its own target."""

    def __init__(self, tokens, block_size):
        count = len(tokens) // block_size
        self.rows = tokens[: count * block_size].reshape(count, block_size)

    def __len__(self):
        return self.rows.size(0)

    def __getitem__(self, i):
        row = self.rows[i]
        return {"input_ids": row, "attention_mask": torch.ones_like(row), "labels": row}


def open_book(path, unread, sealed):
    pages = Path(path).read_text(encoding="utf-8")
    first_sealed = round(len(pages) * (1 - sealed))
    first_unread = round(len(pages) * (1 - sealed - unread))
    return pages[:first_unread], pages[first_unread:first_sealed]


def learn_alphabet(pages, tokens):
    alphabet = ByteLevelBPETokenizer()
    alphabet.train_from_iterator(
        pages.splitlines(keepends=True),
        vocab_size=tokens,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    return alphabet


def place_of(state, batches, per_update):
    """What lies behind a saved state: whole passes, batches of the pass after them, updates."""
    kind, number = Path(state).name.split("-")
    if kind == "pass":
        return int(number), 0, int(number) * math.ceil(batches / per_update)
    per_pass = math.ceil(batches / per_update)
    passes, rest = divmod(int(number), per_pass)
    return passes, rest * per_update, int(number)


def state_folder(out, name):
    return name if out is None else str(Path(out) / name)


def main():
    args = options()

    extras = {}
    if args.track:
        extras = {"log_with": args.tracker, "project_dir": args.out}
    accelerator = Accelerator(gradient_accumulation_steps=args.gradient_accumulation_steps, **extras)

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    log.info(f"{accelerator.num_processes} process(es) on {accelerator.device}")

    set_seed(args.seed)

    if accelerator.is_main_process and args.out is not None:
        Path(args.out).mkdir(parents=True, exist_ok=True)
        (Path(args.out) / "options.json").write_text(json.dumps(vars(args), indent=1))
    accelerator.wait_for_everyone()

    # one process of each machine goes ahead
    with accelerator.local_main_process_first():
        read, unread = open_book(args.book, args.unread, args.sealed)
        alphabet = learn_alphabet(read, args.tokens)

    read_windows = Windows(torch.tensor(alphabet.encode(read).ids), args.block_size)
    unread_windows = Windows(torch.tensor(alphabet.encode(unread).ids), args.block_size)

    shape = GPT2Config(
        vocab_size=args.tokens,
        n_positions=args.block_size,
        n_embd=args.n_embd,
        n_layer=args.depth,
        n_head=args.heads,
        bos_token_id=0,
        eos_token_id=0,
        loss_type="ForCausalLM",
    )
    net = AutoModelForCausalLM.from_config(shape)
    weights = sum(weight.numel() for weight in net.parameters())

    read_loader = DataLoader(read_windows, batch_size=args.windows, shuffle=True)
    unread_loader = DataLoader(unread_windows, batch_size=args.unread_windows)

    # what adds or scales keeps its size
    tables = [weight for weight in net.parameters() if weight.ndim > 1]
    rows = [weight for weight in net.parameters() if weight.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": tables, "weight_decay": args.shrink}, {"params": rows, "weight_decay": 0.0}],
        lr=args.peak,
    )

    # either the passes or the updates are given; the other follows, here and once more below
    from_passes = False
    updates_per_pass = math.ceil(len(read_loader) / args.gradient_accumulation_steps)
    if args.updates is None:
        args.updates = args.passes * updates_per_pass
        from_passes = True

    schedule = get_scheduler(
        args.shape,
        optimizer,
        num_warmup_steps=args.ramp * accelerator.num_processes,
        # it ticks once for every process; a loader not yet split counts the batches of them all
        num_training_steps=args.updates if from_passes else args.updates * accelerator.num_processes,
    )

    net, read_loader, unread_loader, optimizer, schedule = accelerator.prepare(
        net, read_loader, unread_loader, optimizer, schedule
    )

    updates_per_pass = math.ceil(len(read_loader) / args.gradient_accumulation_steps)
    if from_passes:
        args.updates = args.passes * updates_per_pass
    args.passes = math.ceil(args.updates / updates_per_pass)

    save_every = args.save_every
    if save_every is not None and save_every != "pass":
        save_every = int(save_every)

    if args.track:
        accelerator.init_trackers("one-book", config=vars(args))

    log.info(f"{len(read_windows)} windows to read, {len(unread_windows)} to look at, {weights} weights")
    log.info(f"{args.passes} passes of {updates_per_pass} updates, {args.updates} in all")

    first_pass, skipped, updates = 0, 0, 0
    if args.continue_from is not None:
        accelerator.load_state(args.continue_from)
        first_pass, skipped, updates = place_of(
            args.continue_from, len(read_loader), args.gradient_accumulation_steps
        )
        log.info(f"going on after {updates} updates, in pass {first_pass}")

    bar = tqdm(total=args.updates, initial=updates, unit="update", disable=not accelerator.is_local_main_process)
    history = []
    started = time.time()

    for turn in range(first_pass, args.passes):
        net.train()
        if args.track:
            heard = 0.0

        if turn == first_pass and skipped > 0:
            # its beginning was read before the state was saved
            pages = accelerator.skip_first_batches(read_loader, skipped)
        else:
            pages = read_loader

        for windows in pages:
            with accelerator.accumulate(net):
                answer = net(**windows)
                accelerator.backward(answer.loss)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()

            if args.track:
                heard += answer.loss.detach().float()

            if accelerator.sync_gradients:
                updates += 1
                bar.update()
                if isinstance(save_every, int) and updates % save_every == 0:
                    accelerator.save_state(state_folder(args.out, f"update-{updates}"))

            if updates >= args.updates:
                break

        # the unread pages
        net.eval()
        surprises = []
        for windows in unread_loader:
            with torch.no_grad():
                surprise = net(**windows).loss
            # one figure a window, so that a short last batch weighs less
            surprises.append(accelerator.gather_for_metrics(surprise.repeat(len(windows["labels"]))))

        surprise = torch.cat(surprises).mean().item()
        try:
            choices = math.exp(surprise)
        except OverflowError:
            choices = math.inf
        history.append({"pass": turn + 1, "updates": updates, "surprise": surprise, "choices": choices})
        log.info(f"after pass {turn + 1}: surprise {surprise:.4f}, choices {choices:.1f}")

        if args.track:
            accelerator.log(
                {
                    "surprise": surprise,
                    "choices": choices,
                    "read_surprise": heard.item() / len(read_loader),
                    "rate": schedule.get_last_lr()[0],
                },
                step=updates,
            )

        if save_every == "pass":
            accelerator.save_state(state_folder(args.out, f"pass-{turn + 1}"))

    bar.close()
    log.info(f"{updates} updates in {time.time() - started:.1f} s")

    if args.out is not None:
        accelerator.wait_for_everyone()
        # every process takes part, the first one writes
        accelerator.unwrap_model(net).save_pretrained(
            args.out, accelerator.is_main_process, save_function=accelerator.save
        )
        if accelerator.is_main_process:
            alphabet.save(str(Path(args.out) / "alphabet.json"))
            (Path(args.out) / "history.json").write_text(json.dumps(history, indent=1))

    if args.track:
        accelerator.end_training()


if __name__ == "__main__":
    main()
