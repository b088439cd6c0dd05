"""Ciphers."""

import math
import random
import re
from itertools import cycle
from string import ascii_lowercase

LETTERS = len(ascii_lowercase)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _groups(text: str, size: int) -> str:
    return " ".join(text[place : place + size] for place in range(0, len(text), size))


def _inverse(a: int) -> int:
    if math.gcd(a, LETTERS) != 1:
        raise ValueError("a and m must be coprime.")
    return pow(a, -1, LETTERS)


def affine_cipher__encode(phrase: str, key: dict[str, int]) -> str:
    """The phrase in groups of five, each letter at place x moved to ax + b."""
    _inverse(key["a"])
    moved = (
        ascii_lowercase[(key["a"] * ascii_lowercase.index(letter) + key["b"]) % LETTERS] if letter.isalpha() else letter
        for letter in _letters(phrase)
    )
    return _groups("".join(moved), 5)


def affine_cipher__decode(phrase: str, key: dict[str, int]) -> str:
    """What `affine_cipher__encode` was given, without its spaces."""
    inverse = _inverse(key["a"])
    return "".join(
        ascii_lowercase[inverse * (ascii_lowercase.index(letter) - key["b"]) % LETTERS] if letter.isalpha() else letter
        for letter in _letters(phrase)
    )


def _mirrored(phrase: str) -> str:
    return _letters(phrase).translate(str.maketrans(ascii_lowercase, ascii_lowercase[::-1]))


def atbash_cipher__encode(phrase: str) -> str:
    """The phrase with a for z, in groups of five."""
    return _groups(_mirrored(phrase), 5)


def atbash_cipher__decode(phrase: str) -> str:
    """The phrase with a for z."""
    return _mirrored(phrase)


def crypto_square__ciphertext(plaintext: str) -> str:
    """The text's columns, where it is written in a rectangle that is nearly a square."""
    text = _letters(plaintext)
    if not text:
        return ""
    width = math.ceil(math.sqrt(len(text)))
    height = math.ceil(len(text) / width)
    padded = text.ljust(width * height)
    return " ".join(padded[column::width] for column in range(width))


def _rails(length: int, rails: int) -> list[int]:
    period = 2 * (rails - 1)
    return sorted(range(length), key=lambda place: (min(place % period, period - place % period), place))


def rail_fence_cipher__encode(msg: str, rails: int) -> str:
    """The message read along the rails that it was written across."""
    return "".join(msg[place] for place in _rails(len(msg), rails))


def rail_fence_cipher__decode(msg: str, rails: int) -> str:
    """What `rail_fence_cipher__encode` was given."""
    places = dict(zip(_rails(len(msg), rails), msg, strict=True))
    return "".join(places[place] for place in range(len(msg)))


def _shifted(text: str, key: str, sign: int) -> str:
    return "".join(
        ascii_lowercase[(ascii_lowercase.index(letter) + sign * ascii_lowercase.index(step)) % LETTERS]
        for letter, step in zip(text, cycle(key), strict=False)
    )


def simple_cipher__encode(plaintext: str, key: str) -> str:
    """Each letter moved on by the place of the key's letter."""
    return _shifted(plaintext, key, 1)


def simple_cipher__decode(key: str, ciphertext: str, plaintext: str | None = None) -> str:
    """What `simple_cipher__encode` was given; `cipher.encode` as the text stands for the encoded `plaintext`."""
    given = _shifted(plaintext, key, 1) if ciphertext == "cipher.encode" and plaintext is not None else ciphertext
    return _shifted(given, key, -1)


def simple_cipher__key() -> str:
    """A key by chance."""
    return "".join(random.choices(ascii_lowercase, k=100))  # noqa: S311 (no secret)
