"""A digit lies somewhere on an empty sheet. Which one? A DINOv2 of a few thousand weights, from scratch."""
import argparse
import math
import sys

import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm
from transformers import Dinov2Config, Dinov2ForImageClassification, set_seed


def read_options():
    o = argparse.ArgumentParser(description=__doc__)
    o.add_argument("--sheets", type=int, default=1000, help="sheets to learn from")
    o.add_argument("--side", type=int, default=9, help="length of a sheet, a digit has 8")
    o.add_argument("--micro_batch", type=int, default=24, help="sheets that are in memory at once")
    o.add_argument("--micro_batches", type=int, default=3, help="of them, before the weights move")
    o.add_argument("--rounds", type=int, default=3)
    o.add_argument("--lr", type=float, default=6e-3)
    o.add_argument("--rise", type=int, default=6, help="moves until the learning rate is there")
    o.add_argument("--floor", type=float, default=0.05, help="share of it that is left in the end")
    o.add_argument("--decay", type=float, default=0.08)
    o.add_argument("--longest", type=float, default=0.8, help="gradients longer than this are cut")
    o.add_argument("--skip_paths", type=float, default=0.1, help="how often a block is left out")
    o.add_argument("--precision", default="no", choices=["no", "bf16", "fp16"])
    o.add_argument("--seed", type=int, default=8)
    o.add_argument("--store", help="folder of the finished model")
    o.add_argument("--snapshots", type=int, default=0, help="moves from one snapshot to the next, 0 for none")
    o.add_argument("--curves", help="a tracker by its name")
    o.add_argument("--hub_name", help="upload the finished model under this name")
    return o.parse_args()


def lay_out(count, side):
    digits = load_digits()
    which = torch.randint(len(digits.target), (count,))
    sheets = torch.full((count, 1, side, side), -1.0)
    for sheet, i in zip(sheets, which.tolist()):
        top, left = torch.randint(side - 7, (2,)).tolist()
        sheet[0, top : top + 8, left : left + 8] = torch.tensor(digits.images[i]) / 8 - 1
    return TensorDataset(sheets, torch.tensor(digits.target)[which])


def main():
    opts = read_options()
    acc = Accelerator(
        mixed_precision=opts.precision,
        gradient_accumulation_steps=opts.micro_batches,
        project_dir=opts.store,
        log_with=opts.curves,
    )
    if opts.snapshots and not opts.store:
        sys.exit("--snapshots needs a folder, see --store")
    set_seed(opts.seed)

    learn = DataLoader(lay_out(opts.sheets, opts.side), batch_size=opts.micro_batch, shuffle=True)
    judge = DataLoader(lay_out(250, opts.side), batch_size=opts.micro_batch)

    net = Dinov2ForImageClassification(
        Dinov2Config(
            image_size=opts.side,
            patch_size=2,
            num_channels=1,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            mlp_ratio=2,
            initializer_range=0.15,
            drop_path_rate=opts.skip_paths,
            num_labels=10,
        )
    )

    # matrices are pulled to zero; scales, norms and biases are not
    heavy = [w for _, w in net.named_parameters() if w.dim() >= 2]
    light = [w for _, w in net.named_parameters() if w.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": heavy, "weight_decay": opts.decay}, {"params": light, "weight_decay": 0.0}], lr=opts.lr
    )

    # the last move of a round may have fewer micro batches
    moves = opts.rounds * math.ceil(len(learn) / opts.micro_batches)

    def share(move):
        if move < opts.rise:
            return (move + 1) / (opts.rise + 1)
        left = (moves - move) / (moves - opts.rise)
        return max(opts.floor, left**0.5)

    rate = LambdaLR(optimizer, share)

    net, optimizer, learn, judge, rate = acc.prepare(net, optimizer, learn, judge, rate)
    acc.register_for_checkpointing(rate)
    if opts.curves:
        acc.init_trackers("lost-digits", config=vars(opts))

    bar = tqdm(total=moves, desc="moves", disable=not acc.is_main_process)
    done = 0
    for r in range(opts.rounds):
        net.train()
        lost = torch.zeros((), device=acc.device)
        for sheets, digit in learn:
            with acc.accumulate(net):
                said = net(sheets, labels=digit)
                acc.backward(said.loss)
                if acc.sync_gradients:
                    length = acc.clip_grad_norm_(net.parameters(), opts.longest)
                optimizer.step()
                rate.step()
                optimizer.zero_grad()
            lost += said.loss.detach()

            if not acc.sync_gradients:
                continue
            done += 1
            bar.update()
            if opts.curves:
                acc.log({"gradient": float(length), "lr": rate.get_last_lr()[-1]}, step=done)
            if opts.snapshots and done % opts.snapshots == 0:
                acc.save_state(f"{opts.store}/move_{done}")

        net.eval()
        hits, asked, losses = 0, 0, []
        for sheets, digit in judge:
            with torch.no_grad():
                said = net(sheets, labels=digit)
            picked, truth = acc.gather_for_metrics((said.logits.argmax(1), digit))
            hits += int((picked == truth).sum())
            asked += len(truth)
            losses.append(acc.gather_for_metrics(said.loss.expand(len(digit))))
        loss = torch.cat(losses).mean().item()
        accuracy = hits / asked
        acc.print(f"[{r + 1}/{opts.rounds}] loss {loss:.4f} accuracy {accuracy:.3f}")
        if opts.curves:
            acc.log({"accuracy": accuracy, "loss": loss, "learnt": lost.item() / len(learn)}, step=done)
    bar.close()

    acc.wait_for_everyone()
    finished = acc.unwrap_model(net)
    if opts.store:
        finished.save_pretrained(opts.store, is_main_process=acc.is_main_process)
    if opts.hub_name and acc.is_main_process:
        finished.push_to_hub(opts.hub_name)
    acc.end_training()


if __name__ == "__main__":
    main()
