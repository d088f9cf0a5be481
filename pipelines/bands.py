"""Give texts the keys under which their copies are found: normalised texts in, a row of keys for each out.

A text is found by any key that it shares: sixteen of MinHash over all its words, two of its opening, one of its
headline. The last three find what MinHash cannot: a copy of which only the beginning is left, and a headline without
its article.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from pipelines.minhash import BANDS as MINHASH_BANDS
from pipelines.minhash import Keys, band_keys, mixed
from pipelines.shingles import MAX_WORDS, opening_keys, shingled

BANDS = MINHASH_BANDS + 3  #: Keys of a text.

_KEY_BYTES = 8
_KINDS = np.array([0x6F70656E696E6731, 0x6F70656E696E6732, 0x686561646C696E65], np.uint64)


def bands_of(folded: Sequence[str], digests: Sequence[bytes], headlines: Sequence[str]) -> Keys:
    """Keys of each text, one row a text; where it has none of a kind, one that no other text shares."""
    words = [text.split(maxsplit=MAX_WORDS)[:MAX_WORDS] for text in folded]
    of = shingled([each or [digest.hex()] for each, digest in zip(words, digests, strict=True)])
    own = np.frombuffer(b"".join(digest[:_KEY_BYTES] for digest in digests), np.uint64)
    kinds = np.stack((opening_keys(of, 0), opening_keys(of, 1), _line_keys(headlines)), axis=1)
    kinds = mixed(np.where(kinds == 0, own[:, None], kinds) + _KINDS)
    return np.concatenate((band_keys(of.features, of.starts), kinds), axis=1)


def _line_keys(lines: Sequence[str]) -> Keys:
    """A key of each line; 0 for an empty one."""
    keys = (
        hashlib.blake2b(line.encode(), digest_size=_KEY_BYTES).digest() if line else bytes(_KEY_BYTES) for line in lines
    )
    return np.frombuffer(b"".join(keys), np.uint64)
