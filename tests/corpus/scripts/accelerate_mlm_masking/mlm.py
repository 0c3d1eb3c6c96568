"""An ALBERT fills in letters of a book. Which ones are hidden is drawn whenever a batch is put together."""
import math
import sys

import torch
from accelerate import Accelerator
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from torch.utils.data import DataLoader
from transformers import AlbertConfig, AlbertForMaskedLM, DataCollatorForLanguageModeling
from transformers import PreTrainedTokenizerFast, get_scheduler

BOOK = sys.argv[1]
LINE = 40  # letters
LINES = 32  # in a batch
HIDE = 0.2
EPOCHS = 3
PEAK = 6e-3

torch.manual_seed(12)
accelerator = Accelerator()

with open(BOOK, encoding="utf-8") as book:
    letters = " ".join(book.read().lower().split())

# an alphabet instead of words: whatever the book is written with
marks = ["<fill>", "<rare>", "<hole>"]
alphabet = {mark: number for number, mark in enumerate(marks + sorted(set(letters)))}
speller = Tokenizer(models.WordLevel(alphabet, unk_token="<rare>"))
speller.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
speller = PreTrainedTokenizerFast(
    tokenizer_object=speller, pad_token="<fill>", unk_token="<rare>", mask_token="<hole>"
)

lines = [letters[start : start + LINE] for start in range(0, len(letters) - LINE, LINE)]
spelled = [{"input_ids": speller(line)["input_ids"]} for line in lines]
hide = DataCollatorForLanguageModeling(speller, mlm_probability=HIDE)


def hide_once(line):
    hidden = hide([line])
    return {"input_ids": hidden["input_ids"][0], "labels": hidden["labels"][0]}


# every fifth line is an exam, with the same holes each time
exam = [hide_once(line) for line in spelled[::5]]
lessons = [line for n, line in enumerate(spelled) if n % 5]
lesson_loader = DataLoader(lessons, batch_size=LINES, shuffle=True, collate_fn=hide)
exam_loader = DataLoader(exam, batch_size=LINES)

albert = AlbertForMaskedLM(
    AlbertConfig(
        vocab_size=len(alphabet),
        embedding_size=16,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LINE,
        pad_token_id=0,
        initializer_range=0.1,
    )
)
optimizer = torch.optim.AdamW(albert.parameters(), lr=PEAK, weight_decay=0.02)
albert, optimizer, lesson_loader, exam_loader = accelerator.prepare(albert, optimizer, lesson_loader, exam_loader)

# the schedule is not prepared: it counts the updates of this process
updates = EPOCHS * len(lesson_loader)
fall = get_scheduler("polynomial", optimizer, num_warmup_steps=4, num_training_steps=updates)

for e in range(EPOCHS):
    albert.train()
    for batch in lesson_loader:
        loss = albert(**batch).loss
        accelerator.backward(loss)
        optimizer.step()
        fall.step()
        optimizer.zero_grad()

    albert.eval()
    nats = []
    for batch in exam_loader:
        with torch.no_grad():
            loss = albert(**batch).loss
        nats.append(accelerator.gather(loss.repeat(LINES)))
    # the last batch was counted as if it were full
    nats = torch.cat(nats)[: len(exam)].mean()
    try:
        perplexity = math.exp(nats)
    except OverflowError:
        perplexity = math.inf
    accelerator.print(f"epoch {e}: perplexity {perplexity:.3f}")

accelerator.wait_for_everyone()
if accelerator.is_main_process:
    speller.save_pretrained("albert-letters")
accelerator.unwrap_model(albert).save_pretrained("albert-letters", save_function=accelerator.save)
