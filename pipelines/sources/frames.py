"""Frames between a parser process and its parent, and the parser's side of the talk.

A frame is a length in 4 bytes, then so many bytes. A request is two frames, what is asked (JSON) and the body; its
answer is one (JSON). A parser process has a memory limit, an alarm, no secrets in its environment, and a parent that
kills it.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import IO

import msgspec

MEMORY_BYTES = 1 << 30  #: Address space of a parser; a body of 5 MB needs less than a fifth of it.
LENGTH = struct.Struct(">I")

Answer = Callable[[bytes, bytes], bytes]
"""What is asked and the body, to the answer."""


class _Alarmed(msgspec.Struct, frozen=True):
    """What every request holds."""

    alarm_s: int  #: The process ends itself after so long, should the parent be gone.


def read_frame(stream: IO[bytes]) -> bytes | None:
    """One frame; None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    body = stream.read(size)
    return body if len(body) == size else None


def write_frame(stream: IO[bytes], body: bytes) -> None:
    """Write one frame, without flushing."""
    stream.write(LENGTH.pack(len(body)))
    stream.write(body)


def serve(requests: IO[bytes], answers: IO[bytes], answer: Answer) -> None:
    """Answer until the other side closes; the first frame, empty, says that this side is ready."""
    write_frame(answers, b"")
    answers.flush()
    while (head := read_frame(requests)) is not None and (body := read_frame(requests)) is not None:
        signal.alarm(msgspec.json.decode(head, type=_Alarmed).alarm_s)
        reply = answer(head, body)
        signal.alarm(0)
        write_frame(answers, reply)
        answers.flush()


def run_parser(answer: Answer) -> None:
    """Serve on standard input and output, under limits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Should a library print, it does not break a frame.
    serve(sys.stdin.buffer, answers, answer)
