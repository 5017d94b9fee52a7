"""``sip-analyzer live``."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.cli import command as command_line
from analyzer.cli.main import BY_HAND
from analyzer.cli.options import EXIT_DAMAGED
from analyzer.cli.terminal import coloured, note
from analyzer.errors import AnalyzerError

if TYPE_CHECKING:
    from analyzer.live.following import Moment
    from analyzer.live.wire import Wire
    from analyzer.masking.mask import Mask

#: Packets come out of the kernel, and to agents, this much late (ns); only then is silence known to be silence.
_LATE_NS = 1_000_000_000
#: A store gets what came in so many seconds at once.
_STORE_EVERY_S = 60.0


@command_line.command(
    "live",
    help=f"{BY_HAND['live']}\n\nPackets come from an interface (-i, through tcpdump or dumpcap), from a pipe (-: pcap"
    " or pcapng, uncompressed), or from agents of HEP (--hep). A call is told when it ends or fails, and again (~) if"
    " later packets make another outcome of it, with its media as far as they were captured. Ctrl-C ends; what was"
    " lost before it could be captured is told.",
    epilog="Example: sip-analyzer live -i eth0 --filter 'port 5060'",
)
@click.argument("pipe", required=False, metavar="[-]")
@click.option("-i", "--interface", metavar="NAME", help="Capture at this interface; any for all.")
@click.option("--filter", "condition", default="", metavar="FILTER", help="Capture filter for -i: pcap-filter(7).")
@click.option("--hep", metavar="[HOST:]PORT", help="Listen for agents of HEP at this UDP port.")
@click.option(
    "--every", type=click.FloatRange(min=0.05), default=1.0, show_default=True, metavar="SECONDS",
    help="Length of the moments that are read at a time.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True,
              help="How calls are told; jsonl: the columns of calls.")  # fmt: skip
@click.option("-o", "--output", metavar="STORE", help="Write what was captured into a store, once a minute.")
@click.option(
    "--metrics", type=click.IntRange(0, 65535), metavar="PORT", help="OpenMetrics at http://127.0.0.1:PORT/metrics."
)
@click.option(
    "--mask",
    is_flag=True,
    help="Replace numbers, names, addresses, locations and message texts with pseudonyms, new ones in each run.",
)
@click.option("--mask-key", type=click.File("rb"), metavar="FILE", help="Mask with the key in FILE. Keep it secret.")
@click.option("--mask-domains", is_flag=True, help="Mask the operator too.")
@click.option("--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="End after this time.")
@click.option("--quiet", is_flag=True, help="Tell calls alone.")
def command(
    pipe: str | None,
    interface: str | None,
    condition: str,
    hep: str | None,
    every: float,
    form: str,
    output: str | None,
    metrics: int | None,
    seconds: float | None,
    quiet: bool,
    **masking: Any,
) -> None:
    """Follow calls as they happen."""
    if sum(given is not None for given in (pipe, interface, hep)) != 1 or pipe not in (None, "-"):
        raise click.UsageError("Give one source: -i INTERFACE, --hep PORT, or - for a pipe.")
    if condition and interface is None:
        raise click.UsageError("--filter is for -i; a pipe and agents are filtered where they are made.")
    mask = _mask(**masking)
    if mask is not None and output is not None:
        raise click.UsageError("--mask: a masked store is written once; leave -o out, or mask what reads the store.")
    wire = _wire(interface, condition, hep)
    run = _Run(form, output, metrics, mask, quiet=quiet)
    try:
        with _stopped_by(signal.SIGTERM):
            run.follow(wire, every, seconds)
    finally:
        run.close()
    if run.damage is not None:
        if not run.has_read:
            raise run.damage
        note(str(run.damage))
        click.get_current_context().exit(EXIT_DAMAGED)


@contextlib.contextmanager
def _stopped_by(number: signal.Signals) -> Iterator[None]:
    """Ends as Ctrl-C does where this signal comes: a service is stopped so, and what was captured is written first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _mask(*, mask: bool, mask_key: Any, mask_domains: bool) -> Mask | None:
    if not (mask or mask_key or mask_domains):
        return None
    from analyzer.cli.options import mask_key as key_of
    from analyzer.masking.mask import Mask

    return Mask(key_of(mask_key), domains=mask_domains)


def _wire(interface: str | None, condition: str, hep: str | None) -> Wire:
    from analyzer.live import wire

    if interface is not None:
        return wire.Program(interface, condition)
    if hep is not None:
        host, _, port = hep.rpartition(":")
        if not port.isdigit() or not 0 <= int(port) <= 65535:
            raise click.UsageError(f"--hep {hep}: a port is wanted, as in :9060 or 127.0.0.1:9060.")
        return wire.Agents(host.strip("[]"), int(port))
    return wire.Pipe(sys.stdin.buffer)


class _Run:
    """From a wire to the terminal, to monitoring and to a store."""

    def __init__(self, form: str, output: str | None, port: int | None, mask: Mask | None, *, quiet: bool) -> None:
        from analyzer.live import metrics
        from analyzer.live.following import Following
        from analyzer.live.segments import Segments

        self._form, self._output, self._quiet = form, output, quiet
        self._mask = mask
        self._segments, self._following = Segments(), Following()
        self._metrics = metrics.Metrics()
        self._server = None if port is None else metrics.Server(self._metrics, port)
        if self._server is not None and not quiet:
            note(f"metrics at http://127.0.0.1:{self._server.port}/metrics")
        self._spool = Path(tempfile.mkdtemp(prefix="sip-analyzer-"))
        self._number = 0
        self._kept: list[Path] = []
        self._stored = time.monotonic()
        self._dropped: int | None = None
        self._totals = [0, 0]
        #: Why nothing more could be read.
        self.damage: AnalyzerError | None = None
        self._ended = False

    @property
    def has_read(self) -> bool:
        """Whether there was any packet."""
        return self._number > 0

    def follow(self, wire: Wire, every: float, seconds: float | None) -> None:
        """Until the wire ends, or so many seconds have passed."""
        end = None if seconds is None else time.monotonic() + seconds
        try:
            ended = False
            while not ended and (end is None or time.monotonic() < end):
                ended = self._moment(wire, every)
                self._lost(wire)
        except KeyboardInterrupt:
            self._ended = True
        else:
            self._ended = self.damage is None
        finally:
            wire.close()

    def _moment(self, wire: Wire, every: float) -> bool:
        until = time.monotonic() + every
        ended = False
        while not ended and (left := until - time.monotonic()) > 0:
            found = wire.read(left)
            ended = found is None
            try:
                if found is None:
                    self._segments.end()
                else:
                    self._segments.feed(found)
            except AnalyzerError as damage:
                # What came before it is told.
                self.damage, ended = damage, True
        path = self._spool / f"live-{self._number:09d}.pcap"
        now = time.time_ns() - _LATE_NS if wire.now else None
        if self._segments.cut(path):
            self._number += 1
            self._kept.append(path)
            self._tell(self._following.take(path, path.name, now))
            self._clear()
        elif now is not None:
            self._tell(self._following.passed(now))
        if self._output is not None and time.monotonic() - self._stored >= _STORE_EVERY_S:
            try:
                self._store()
            except (AnalyzerError, OSError) as error:
                # What was captured waits for the next time: another run may have the store, or a disk be full.
                note(f"{error}; trying again in a minute")
        return ended

    def _tell(self, moment: Moment) -> None:
        self._metrics.add(
            [row for row in moment.calls if row["call"] not in moment.again], moment.messages, moment.open_calls,
            self._dropped,
        )  # fmt: skip
        self._totals[0] += moment.messages
        self._totals[1] += len(moment.calls) - len(moment.again)
        self._dropped = moment.dropped or self._dropped
        for row in self._shown(moment):
            told = _json(row) if self._form == "jsonl" else _line(row, again=row["call"] in moment.again)
            click.echo(told, color=coloured(sys.stdout))
        sys.stdout.flush()

    def _shown(self, moment: Moment) -> list[dict[str, Any]]:
        """The calls as they may be told."""
        if self._mask is None or not moment.calls:
            return moment.calls
        import polars as pl

        from analyzer import schema

        kinds = schema.CALLS.polars()
        rows = pl.DataFrame(moment.calls, schema={name: kinds[name] for name in moment.calls[0] if name in kinds})
        return self._mask.knowing(pl.concat(moment.of_calls)).table("calls", rows).to_dicts()

    def _lost(self, wire: Wire) -> None:
        dropped = wire.dropped()
        if dropped and dropped != self._dropped and not self._quiet:
            note(f"{dropped} packets were lost before they could be captured; calls may look unanswered")
        self._dropped = dropped if dropped is not None else self._dropped

    def _clear(self) -> None:
        """Removes what is needed no more."""
        needed = self._following.read_again
        for path in list(self._kept) if self._output is None else []:
            if str(path) not in needed:
                path.unlink()
                self._kept.remove(path)

    def _store(self) -> None:
        """Writes what came into the store; its messages keep their bytes, for their captures will be gone."""
        from analyzer.store import batch
        from analyzer.store.lock import locked

        assert self._output is not None
        folder = Path(self._output)
        folder.mkdir(parents=True, exist_ok=True)
        self._stored = time.monotonic()
        if not self._kept:
            return
        # One capture for all of the minute, which stays beside the store as long as calls may go on.
        with locked(folder):
            batch.run([str(path) for path in self._kept], folder, batch.Options(keep_text=True, threads=1))
        needed = self._following.read_again
        for path in self._kept:
            if str(path) not in needed:
                path.unlink()
        self._kept = [path for path in self._kept if path.exists()]

    def close(self) -> None:
        """Writes what is left, and says what was seen.

        Raises AnalyzerError where the store could not be written: then the captures stay, and it says where.
        """
        if self._server is not None:
            self._server.close()
        try:
            if self._output is not None:
                self._store()
        except (AnalyzerError, OSError) as error:
            raise AnalyzerError(
                f"{error}. What is not in the store yet is kept: sip-analyzer batch {self._spool} -o {self._output}"
            ) from error
        shutil.rmtree(self._spool, ignore_errors=True)
        if not self._quiet and (self.has_read or self._ended):
            lost = f", {self._dropped} packets lost before they could be captured" if self._dropped else ""
            note(f"{self._totals[0]} messages, {self._totals[1]} calls ended or failed{lost}")


def _line(row: dict[str, Any], *, again: bool) -> str:
    """One call on a line: when it began, who called whom, what became of it."""
    from analyzer.show.text import safe

    answered = row["outcome"] == "answered"
    parties = " > ".join(safe(row[name] or "?") for name in ("caller", "callee"))
    detail = row["outcome_detail"]
    told = [row["outcome"] if detail in (None, "normal") else f"{row['outcome']} {detail}"]
    if row["status"] is not None and not answered:
        told.append(f"{row['status']} {safe(row['reason_phrase'] or '')}".rstrip())
    told += [f"{name} {row[column]:.3f} s" for name, column in (("pdd", "pdd_s"), ("talk", "talk_s")) if row[column]]
    if row["media"] is not None:
        told.append(row["media"].replace("_", " "))
        told += [f"loss {row['loss']:.1%}"] if row["loss"] else []
        told += [f"MOS {row['mos']:.1f}"] if row["mos"] is not None else []
    line = f"{'~' if again else ' '}{row['started_at']:%H:%M:%S.%f}"[:-3] + f"  {parties}  {', '.join(told)}"
    return line if answered else click.style(line, fg="red")


def _json(row: dict[str, Any]) -> str:
    import polars as pl

    from analyzer import schema
    from analyzer.cli.output import json_rows

    frame = pl.DataFrame(
        [row], schema={name: kind for name, kind in schema.TABLES["calls"].polars().items() if name in row}
    )
    (told,) = json.loads(json_rows(frame, "calls"))
    return json.dumps(told, ensure_ascii=False)
