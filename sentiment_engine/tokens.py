"""Token ids: the tokenizer that stands beside a model, with padding and truncation left to us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tokenizers import Tokenizer

from model_files.errors import ModelRefused

TOKENIZER_NAME: Final = "tokenizer.json"
_MIN_TOKENS: Final = 8


class TokenEncoder:
    """Turns texts into token ids, each text as one chunk or several of at most `max_tokens`."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        if max_tokens < _MIN_TOKENS:
            raise ModelRefused(f"max_tokens must be {_MIN_TOKENS} or more, it was {max_tokens}")
        tokenizer.no_padding()  # the file pads everything to 128 tokens
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._start = _id_of(tokenizer, "[CLS]")
        self._end = _id_of(tokenizer, "[SEP]")

    def chunks(self, texts: Sequence[str], *, max_chunks: int) -> list[list[list[int]]]:
        """Return for each text its chunks of token ids, each with its start and end mark; at most `max_chunks`."""
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._cut(one.ids, max_chunks) for one in encoded]

    def surely_fits(self, text: str, *, max_chunks: int) -> bool:
        """Return whether `text` is so short that its tokens fit in `max_chunks` chunks, whatever they are."""
        return len(text) <= (self._max_tokens - 2) * max_chunks  # a token has a character or more

    def readable_chars(self, text: str, *, max_chunks: int) -> int | None:
        """Return how many characters of `text` fit in `max_chunks` chunks; None when all of them do."""
        if self.surely_fits(text, max_chunks=max_chunks):
            return None
        limit = (self._max_tokens - 2) * max_chunks
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return int(encoded.offsets[limit][0]) if len(encoded.ids) > limit else None

    def _cut(self, ids: list[int], max_chunks: int) -> list[list[int]]:
        inner = self._max_tokens - 2
        starts = range(0, max(1, min(len(ids), inner * max_chunks)), inner)
        return [[self._start, *ids[start : start + inner], self._end] for start in starts]


def read_tokenizer(told: bytes) -> Tokenizer:
    """Return the tokenizer that a tokenizer.json tells; ModelRefused when it cannot be read."""
    try:
        return Tokenizer.from_str(told.decode("utf-8"))
    except Exception as error:  # tokenizers raises plain Exception for what it cannot read
        raise ModelRefused(f"{TOKENIZER_NAME} must be a tokenizer's file: {error}") from error


def _id_of(tokenizer: Tokenizer, mark: str) -> int:
    number = tokenizer.token_to_id(mark)
    if number is None:
        raise ModelRefused(f"the tokenizer must know {mark}, it does not")
    return int(number)
