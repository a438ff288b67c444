"""The key that signs id tokens: RSA, which the standard library lacks, for tokens that guard nothing."""

import base64
import hashlib
from functools import cached_property
from math import gcd, lcm, prod
from random import Random
from typing import Final

from adapters.sandbox.quickbooks.journal import encode
from adapters.sandbox.quickbooks.rules import Object

_BITS: Final = 2048
_EXPONENT: Final = 65537
_ROUNDS: Final = 8
_SMALL_PRIMES: Final = prod(
    number for number in range(3, 2000, 2) if all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2))
)
_SHA256_PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What says, inside a signature, that a SHA-256 digest follows."""


class SigningKey:
    """An RSA key made from a seed when it is first needed, which takes a second or two."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._name = hashlib.sha256(f"{seed}:signing key".encode()).hexdigest()[:16]

    @cached_property
    def _key(self) -> tuple[int, int]:
        """The modulus and the private exponent."""
        random = Random(f"{self._seed}:signing key")  # noqa: S311 - the same seed makes the same key
        p, q = (_prime(random, _BITS // 2) for _ in range(2))
        return p * q, pow(_EXPONENT, -1, lcm(p - 1, q - 1))

    def public(self) -> Object:
        """Return the public half as the key set lists it."""
        modulus, _ = self._key
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self._name,
            "n": _text(modulus.to_bytes(_BITS // 8, "big")),
            "e": _text(_EXPONENT.to_bytes(3, "big")),
        }

    def token(self, claims: Object) -> str:
        """Return a signed token that makes these claims."""
        head = {"alg": "RS256", "kid": self._name}
        signed = f"{_text(encode(head))}.{_text(encode(claims))}"
        return f"{signed}.{_text(self._signature(signed.encode()))}"

    def _signature(self, message: bytes) -> bytes:
        modulus, private = self._key
        digest = _SHA256_PREFIX + hashlib.sha256(message).digest()
        padding = b"\xff" * (_BITS // 8 - len(digest) - 3)
        padded = b"\x00\x01" + padding + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), private, modulus).to_bytes(_BITS // 8, "big")


def _prime(random: Random, bits: int) -> int:
    while True:
        candidate = random.getrandbits(bits) | (3 << bits - 2) | 1  # of full length, and odd
        if gcd(candidate, _SMALL_PRIMES) == 1 and _is_prime(candidate, random):
            return candidate


def _is_prime(candidate: int, random: Random) -> bool:
    """Say whether a large odd number is prime, by Miller and Rabin."""
    even = candidate - 1
    twos = (even & -even).bit_length() - 1
    for _ in range(_ROUNDS):
        power = pow(random.randrange(2, even), even >> twos, candidate)
        squares = (pow(power, 1 << step, candidate) for step in range(twos))
        if power != 1 and all(square != even for square in squares):
            return False
    return True


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
