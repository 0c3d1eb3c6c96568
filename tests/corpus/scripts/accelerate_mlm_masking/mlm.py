"""Masked language modelling; the masks are drawn in the collator, new ones in every epoch."""
import math
import sys

import torch
from accelerate import Accelerator
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    get_scheduler,
)

BOOK = sys.argv[1]
CHUNK = 24
BATCH_SIZE = 16
LR = 3e-3
NUM_EPOCHS = 3
MASK_PROB = 0.15

torch.manual_seed(0)

# --- tokenizer: whole words, so that it is quick
text = open(BOOK, encoding="utf-8").read()
tok = Tokenizer(models.WordLevel(unk_token="[UNK]"))
tok.normalizer = normalizers.Lowercase()
tok.pre_tokenizer = pre_tokenizers.Whitespace()
special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
tok.train_from_iterator([text], trainers.WordLevelTrainer(vocab_size=500, special_tokens=special))
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=tok, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"
)

ids = tokenizer(text, add_special_tokens=False)["input_ids"]
chunks = [{"input_ids": ids[i : i + CHUNK]} for i in range(0, len(ids) - CHUNK + 1, CHUNK)]
split = int(len(chunks) * 0.85)
collator = DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm_probability=MASK_PROB)


# the evaluation masks are drawn once, or the perplexity would jump
def insert_random_mask(chunk):
    batch = collator([chunk])
    return {k: v[0] for k, v in batch.items()}


eval_chunks = [insert_random_mask(c) for c in chunks[split:]]
train_dataloader = DataLoader(chunks[:split], shuffle=True, batch_size=BATCH_SIZE, collate_fn=collator)
eval_dataloader = DataLoader(eval_chunks, batch_size=BATCH_SIZE)

model = AutoModelForMaskedLM.from_config(
    BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
               intermediate_size=64, max_position_embeddings=CHUNK)
)
optimizer = torch.optim.AdamW(model.parameters(), lr=LR)

accelerator = Accelerator()
model, optimizer, train_dataloader, eval_dataloader = accelerator.prepare(
    model, optimizer, train_dataloader, eval_dataloader
)

num_update_steps_per_epoch = len(train_dataloader)
num_training_steps = NUM_EPOCHS * num_update_steps_per_epoch
lr_scheduler = get_scheduler("linear", optimizer=optimizer, num_warmup_steps=0, num_training_steps=num_training_steps)

for epoch in range(NUM_EPOCHS):
    # Training
    model.train()
    for batch in train_dataloader:
        outputs = model(**batch)
        loss = outputs.loss
        accelerator.backward(loss)

        optimizer.step()
        lr_scheduler.step()
        optimizer.zero_grad()

    # Evaluation
    model.eval()
    losses = []
    for step, batch in enumerate(eval_dataloader):
        with torch.no_grad():
            outputs = model(**batch)
        loss = outputs.loss
        losses.append(accelerator.gather(loss.repeat(BATCH_SIZE)))

    losses = torch.cat(losses)
    losses = losses[: len(eval_chunks)]
    try:
        perplexity = math.exp(torch.mean(losses))
    except OverflowError:
        perplexity = float("inf")
    print(f">>> Epoch {epoch}: Perplexity: {perplexity}")

# Save
accelerator.wait_for_everyone()
unwrapped_model = accelerator.unwrap_model(model)
unwrapped_model.save_pretrained("mlm-out", save_function=accelerator.save)
if accelerator.is_main_process:
    tokenizer.save_pretrained("mlm-out")
