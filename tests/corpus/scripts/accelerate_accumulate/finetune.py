"""Classifies digits with a small vision transformer; Accelerate does the rest."""
import argparse
import math
import os

import torch
from accelerate import Accelerator
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset, random_split
from tqdm.auto import tqdm
from transformers import ViTConfig, ViTForImageClassification

logger = get_logger(__name__)


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output_dir", default=None, help="Where the model is stored.")
    parser.add_argument("--batch_size", type=int, default=32, help="Images of one forward pass.")
    parser.add_argument("--gradient_accumulation_steps", type=int, default=4, help="Forward passes of one update.")
    parser.add_argument("--lr", type=float, default=4e-3, help="Peak of the learning rate.")
    parser.add_argument("--weight_decay", type=float, default=0.05)
    parser.add_argument("--max_grad_norm", type=float, default=0.5)
    parser.add_argument("--warmup", type=int, default=4, help="Updates until the peak.")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--mixed_precision", default="no", choices=["no", "fp16", "bf16"])
    parser.add_argument("--tracker", default=None, help="tensorboard, wandb or all.")
    parser.add_argument("--checkpoint_every", type=int, default=0, help="Updates between two checkpoints.")
    parser.add_argument("--push_to_hub", action="store_true", help="Upload the model when it is trained.")
    return parser.parse_args()


def main():
    args = parse_args()
    accelerator = Accelerator(
        gradient_accumulation_steps=args.gradient_accumulation_steps,
        mixed_precision=args.mixed_precision,
        log_with=args.tracker,
        project_dir=args.output_dir,
    )
    logger.info(accelerator.state, main_process_only=False)
    set_seed(args.seed)
    if accelerator.is_main_process and args.output_dir is not None:
        os.makedirs(args.output_dir, exist_ok=True)

    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(bunch.target)
    # 1000 images: the last update of an epoch has fewer of them
    train_set, eval_set = random_split(TensorDataset(images[:1200], labels[:1200]), [1000, 200])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    eval_loader = DataLoader(eval_set, batch_size=args.batch_size)

    config = ViTConfig(
        image_size=8, patch_size=2, num_channels=1, num_labels=10,
        hidden_size=args.width, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        hidden_dropout_prob=args.dropout,
    )
    model = ViTForImageClassification(config)

    # biases and norms are not pulled towards zero
    no_decay = ("bias", "layernorm")
    groups = [
        {
            "params": [p for n, p in model.named_parameters() if not any(word in n for word in no_decay)],
            "weight_decay": args.weight_decay,
        },
        {
            "params": [p for n, p in model.named_parameters() if any(word in n for word in no_decay)],
            "weight_decay": 0.0,
        },
    ]
    optimizer = torch.optim.AdamW(groups, lr=args.lr)

    updates_per_epoch = math.ceil(len(train_loader) / args.gradient_accumulation_steps)
    updates = args.epochs * updates_per_epoch

    def factor(update):
        if update < args.warmup:
            return update / max(1, args.warmup)
        return 0.5 * (1 + math.cos(math.pi * (update - args.warmup) / (updates - args.warmup)))

    scheduler = LambdaLR(optimizer, factor)

    model, optimizer, train_loader, eval_loader, scheduler = accelerator.prepare(
        model, optimizer, train_loader, eval_loader, scheduler
    )
    accelerator.register_for_checkpointing(scheduler)
    if args.tracker is not None:
        accelerator.init_trackers("digits", vars(args))

    progress_bar = tqdm(range(updates), disable=not accelerator.is_local_main_process)
    completed = 0
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for step, (pixels, target) in enumerate(train_loader):
            with accelerator.accumulate(model):
                loss = model(pixel_values=pixels, labels=target).loss
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    grad_norm = accelerator.clip_grad_norm_(model.parameters(), args.max_grad_norm)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            running += loss.detach().float()
            # an update was made
            if accelerator.sync_gradients:
                progress_bar.update(1)
                completed += 1
                if args.checkpoint_every and completed % args.checkpoint_every == 0:
                    accelerator.save_state(os.path.join(args.output_dir, f"step_{completed}"))
                if args.tracker is not None:
                    accelerator.log({"grad_norm": grad_norm, "lr": scheduler.get_last_lr()[0]}, step=completed)

        model.eval()
        correct, seen, eval_losses = 0, 0, []
        for pixels, target in eval_loader:
            with torch.no_grad():
                outputs = model(pixel_values=pixels, labels=target)
            predictions, references = accelerator.gather_for_metrics((outputs.logits.argmax(-1), target))
            correct += (predictions == references).sum().item()
            seen += references.shape[0]
            eval_losses.append(accelerator.gather_for_metrics(outputs.loss.repeat(len(target))))
        eval_loss = torch.cat(eval_losses).mean().item()
        accelerator.print(f"epoch {epoch}: accuracy {correct / seen:.3f}, eval loss {eval_loss:.4f}")
        if args.tracker is not None:
            accelerator.log(
                {"accuracy": correct / seen, "train_loss": running.item() / len(train_loader), "epoch": epoch},
                step=completed,
            )

    accelerator.wait_for_everyone()
    if args.output_dir is not None:
        unwrapped = accelerator.unwrap_model(model)
        unwrapped.save_pretrained(
            args.output_dir, is_main_process=accelerator.is_main_process, save_function=accelerator.save
        )
    if args.push_to_hub and accelerator.is_main_process:
        accelerator.unwrap_model(model).push_to_hub("digits-vit")
    accelerator.end_training()


if __name__ == "__main__":
    main()
