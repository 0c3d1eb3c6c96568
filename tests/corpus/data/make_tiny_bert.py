"""Makes tiny_bert beside this file: a BERT of random weights with a tokenizer of the words of persuasion.txt."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

HERE = Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]

words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
words.normalizer = normalizers.Lowercase()
words.pre_tokenizer = pre_tokenizers.Whitespace()
trainer = trainers.WordLevelTrainer(vocab_size=200, special_tokens=SPECIAL)
words.train_from_iterator([(HERE / "persuasion.txt").read_text(encoding="utf-8")], trainer)
words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
PreTrainedTokenizerFast(
    tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
).save_pretrained(HERE / "tiny_bert")

torch.manual_seed(0)
sizes = {"vocab_size": 200, "hidden_size": 16, "intermediate_size": 32, "max_position_embeddings": 48}
BertForSequenceClassification(
    BertConfig(**sizes, num_hidden_layers=1, num_attention_heads=2, num_labels=2)
).save_pretrained(HERE / "tiny_bert")
