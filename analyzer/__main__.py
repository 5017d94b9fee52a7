"""``python -m analyzer``: the command ``sip-analyzer``."""
# ruff: noqa: E402

from __future__ import annotations

import signal

# Ctrl-C ends the process without a word from here on: nothing is open yet that would have to be put away.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import codecs
import gc
import io
import os
import sys
import threading
from types import FrameType
from typing import NoReturn

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_LONGEST_END_S = 2.0


def main() -> NoReturn:
    """Run ``sip-analyzer`` with the arguments of the process, and end the process.

    A command makes its tables once and ends: looking for cycles among them, and giving a gigabyte of them back piece by
    piece before the process ends, would be a tenth of its time. Its queries run in memory, where the messages are
    anyway: the streaming engine, Polars' own choice, takes longer to set up than most of them to run.
    """
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(_INTERRUPTED))
    gc.disable()
    os.environ.setdefault("POLARS_ENGINE_AFFINITY", "in-memory")
    from analyzer.cli.apart import run
    from analyzer.cli.terminal import plainer

    codecs.register_error("plainer", plainer)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever called: >&-
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plainer")
    os._exit(run(_command))


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C: what is open is put away. Where the exception is lost, as in a callback, the process still ends."""
    late = threading.Timer(_LONGEST_END_S, os._exit, (_INTERRUPTED,))
    late.daemon = True
    late.start()
    raise KeyboardInterrupt


def _command() -> int:
    """The exit status of the command."""
    from analyzer.cli import group

    status = 0
    try:
        signal.signal(signal.SIGINT, _interrupted)
        group(prog_name="sip-analyzer")
    except KeyboardInterrupt:
        return _INTERRUPTED
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:  # a full device, where less than a buffer was written
        print(f"sip-analyzer: output: {error.strerror}", file=sys.stderr)
        status = 2
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    main()
