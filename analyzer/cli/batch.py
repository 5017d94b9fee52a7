"""``sip-analyzer batch``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli import command as command_line
from analyzer.cli.main import BY_HAND
from analyzer.cli.options import EXIT_DAMAGED
from analyzer.cli.terminal import note
from analyzer.errors import CaptureError
from analyzer.reading import address_space

if TYPE_CHECKING:
    from analyzer.store.batch import Told


@command_line.command(
    "batch",
    help=f"{BY_HAND['batch']}\n\nReads in windows of whole calls: memory does not grow with the captures. Captures that"
    " are in the store already are known by what they hold and are not read again; one that grew is read on, and calls"
    " that go on in new captures are continued. A run that was stopped goes on from its last commit. Every command"
    " reads a store in the place of captures. Exit status 1 if a capture was cut or corrupt in part: the rest is in the"
    " store.",
    epilog="Example: sip-analyzer batch /captures/ -o /stores/core/",
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False), metavar="STORE", help="Folder of the store."
)
@click.option(
    "--capture-point",
    "capture_points",
    multiple=True,
    metavar="NAME=GLOB",
    help="Assign the files that match GLOB to the capture point NAME; can be given several times.",
)
@click.option(
    "--link-type",
    "link_types",
    multiple=True,
    metavar="GIVEN=READ_AS",
    help="Read packets of one link type as another: USER0=ETHERNET; can be given several times.",
)
@click.option(
    "--keylog",
    multiple=True,
    metavar="FILE",
    help="Keys of TLS: a key log (SSLKEYLOGFILE), or a server's RSA key (PEM); can be given several times.",
)
@click.option(
    "--esp-keys",
    multiple=True,
    metavar="FILE",
    help="Keys of IPsec: esp_sa of Wireshark, or what `ip xfrm state` prints; can be given several times.",
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads to read with.")
@click.option(
    "--window",
    type=click.IntRange(min=1),
    default=30_000,
    show_default=True,
    metavar="MESSAGES",
    help="Messages that are worked on at a time; memory follows from it.",
)
@click.option("--keep-text", is_flag=True, help="Keep the bytes of messages; the first run decides for all.")
@click.option("--keep", metavar="TIME", help="Remove hours that ended so long before the newest packet: 30d, 48h, 8w.")
@click.option("--watch", is_flag=True, help="Look for new captures again and again, until interrupted.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two looks of --watch, and between two lines of progress without a terminal.",
)
@click.option("--rounds", type=click.IntRange(min=1), metavar="N", help="End --watch after so many looks.")
@click.option("--mask", is_flag=True, help="Write pseudonyms, new ones in each run; such a store is written once.")
@click.option("--mask-key", type=click.File("rb"), metavar="FILE", help="Mask with the key in FILE. Keep it secret.")
@click.option("--mask-domains", is_flag=True, help="Mask the operator too.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Read with so many processes of this machine.",
)
@click.option("--scheduler", metavar="ADDRESS", help="The same with the workers of a Dask cluster: tcp://host:8786.")
@click.option(
    "--exchange",
    metavar="FOLDER",
    help="Folder or address (s3://bucket/key) that all workers reach; by default a folder in that of the store.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def command(
    captures: tuple[str, ...],
    output: str,
    keep: str | None,
    watch: bool,
    every: float,
    rounds: int | None,
    quiet: bool,
    **how: Any,
) -> None:
    """Read captures into a store."""
    address_space.give_back()
    from analyzer.store import batch, retention
    from analyzer.store.lock import locked

    options = batch.Options(
        capture_points=how["capture_points"], link_types=how["link_types"], threads=how["threads"] or 0,
        size=how["window"], keylog=how["keylog"], esp_keys=how["esp_keys"],
        keep_text=how["keep_text"],
    )  # fmt: skip
    spread = how["workers"] is not None or how["scheduler"] is not None
    if how["workers"] is not None and how["scheduler"] is not None:
        raise click.UsageError("--workers, --scheduler: give one of them; a cluster has workers of its own.")
    if not spread and any("://" in capture for capture in captures):
        raise click.UsageError("Captures at an address are read by workers; give --workers 1, or more, or --scheduler.")
    if spread and watch:
        raise click.UsageError("--watch: many workers read once what there is; leave out --workers and --scheduler.")
    if how["mask"] or how["mask_key"] or how["mask_domains"]:
        if watch or keep is not None:
            raise click.UsageError("--mask: a masked store is written once, without --watch and --keep.")
        _masked(captures, Path(output), options, how, Telling(every, quiet=quiet), quiet=quiet)
        return
    keep_s = None if keep is None else retention.seconds(keep)
    folder = Path(output)
    damaged = False
    with locked(folder) as left:
        if left is not None and not quiet:
            note(f"{output}: the last run ({left}) did not end; going on from its last commit")
        looks, waited_for = 0, ""
        while True:
            looks += 1
            told, done, lacking = Telling(every, quiet=quiet), None, ""
            try:
                done = (_by_many if spread else _by_one)(captures, folder, options, told, how)
            except CaptureError as error:
                # None is there yet, or all of them were taken away.
                if not watch:
                    raise
                lacking = str(error)
            finally:
                told.clear()
            if done is not None:
                damaged |= _tell(done, output, quiet=quiet, again=watch)
            elif lacking != waited_for and not quiet:
                note(f"{lacking}; waiting for captures")
            waited_for = lacking
            if done is not None and keep_s is not None and (gone := retention.forget(folder, keep_s)) and not quiet:
                note(f"{output}: {gone} messages are older than {keep} and were removed")
            if not watch or looks == rounds:
                break
            time.sleep(every)
    if damaged:
        click.get_current_context().exit(EXIT_DAMAGED)


def _by_one(captures: tuple[str, ...], folder: Path, options: Any, told: Telling, how: dict[str, Any]) -> Any:
    from analyzer.store import batch

    return batch.run(captures, folder, options, told)


def _by_many(captures: tuple[str, ...], folder: Path, options: Any, told: Telling, how: dict[str, Any]) -> Any:
    from analyzer.cluster import run, scheduling

    address = how["scheduler"]
    with scheduling.cluster(address) if address is not None else scheduling.processes(how["workers"]) as workers:
        return run.run(captures, folder, workers, options, how["exchange"], told)


def _masked(
    captures: tuple[str, ...], folder: Path, options: Any, how: dict[str, Any], telling: Telling, *, quiet: bool
) -> None:
    """A masked store, by way of one that is removed."""
    import tempfile

    from analyzer.api.masked_store import write_masked
    from analyzer.cli.options import mask_key
    from analyzer.store.layout import is_store

    if is_store(folder):
        raise click.UsageError(f"--mask: {folder} is a store already; a masked store is written once.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unmasked-", dir=folder) as unmasked:
        try:
            spread = how["workers"] is not None or how["scheduler"] is not None
            done = (_by_many if spread else _by_one)(captures, Path(unmasked), options, telling, how)
        finally:
            telling.clear()
        write_masked(Path(unmasked), folder, mask_key(how["mask_key"]), domains=how["mask_domains"])
    if _tell(done, str(folder), quiet=quiet, again=False):
        click.get_current_context().exit(EXIT_DAMAGED)


def _tell(done: Any, output: str, *, quiet: bool, again: bool) -> bool:
    """What a run did; whether a capture was damaged."""
    if not quiet and (done.files or not again):
        note(f"{output}: {done.files} files and {done.messages} messages read; {done.all_messages} messages in all")
    if not quiet:
        for name, before in done.copies:
            note(f"{name}: holds the same as {before}, and was not read again")
    for name, reason in done.damaged:
        note(f"{name}: {reason}")
    return bool(done.damaged)


class Telling:
    """How far a run is: a line on a terminal, else a line of JSON now and then."""

    def __init__(self, every: float, *, quiet: bool) -> None:
        self._terminal = sys.stderr.isatty()
        self._quiet = quiet
        self._every = 0.2 if self._terminal else every
        self._begun = time.monotonic()
        self._next = self._begun + max(1.0, self._every if not self._terminal else 0)
        self._shown = False

    def __call__(self, told: Told) -> None:
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + self._every
        self._shown = self._terminal
        lasted = now - self._begun
        rates = {
            "messages_per_s": round(told.messages / lasted), "mb_per_s": round(told.bytes / 1e6 / lasted, 1),
            "memory_mb": _memory() >> 20,
            "left_s": round(lasted * (told.all_bytes / told.bytes - 1)) if told.bytes else None,
        }  # fmt: skip
        if self._terminal:
            share = f"{min(100, told.bytes * 100 // max(1, told.all_bytes))} %"
            left = "" if rates["left_s"] is None else f", {rates['left_s']} s left"
            line = f"{share}, {told.files}/{told.all_files} files, {told.messages:,} messages"
            line += f" ({rates['messages_per_s']:,}/s), {told.open_messages:,} open, {rates['memory_mb']} MB{left}"
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            names = ("files", "all_files", "bytes", "all_bytes", "messages", "open_messages")
            print(json.dumps({name: getattr(told, name) for name in names} | rates), file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _memory() -> int:
    """Bytes of memory that the process has."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
