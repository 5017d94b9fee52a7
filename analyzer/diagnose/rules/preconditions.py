"""Set-ups that stalled while resources were to be reserved (R62)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from analyzer.diagnose.rule import Rule, Text

if TYPE_CHECKING:
    from analyzer.ims.phases import SetUps

_STALLED = ["caller_bearer", "callee_bearer"]
_LONG = 4.0  # s from the last step to the end: a bearer is there in one or two


def _stall(failed_set_ups: tuple[SetUps, pl.DataFrame, pl.Series], failed_calls: pl.DataFrame) -> pl.DataFrame:
    """Calls that ended while one side had not confirmed its resources, long after the step before."""
    setups = failed_set_ups[0].setups.filter(pl.col("stalled").is_in(_STALLED))
    # A side whose SDP said so is ready, whatever else the call then waited for.
    ready = pl.when(pl.col("stalled") == "caller_bearer").then("caller_ready_at").otherwise("callee_ready_at")
    setups = setups.filter(ready.is_null())
    rows = setups.join(failed_calls.select("call", "message", "node"), on="call", maintain_order="left")
    last = pl.max_horizontal("progress_at", "prack_answered_at", "update_answered_at", "prack_at", "update_at")
    waited = (pl.coalesce("cancelled_at", "final_at") - last).dt.total_milliseconds() / 1000
    rows = rows.with_columns(waited=waited.round(1)).filter(pl.col("waited") >= _LONG)
    side = pl.when(pl.col("stalled") == "caller_bearer").then(pl.lit("caller")).otherwise(pl.lit("callee"))
    return rows.select("call", "message", "waited", side=side, cause=side)


STALL = Rule(
    id="R62",
    code="precondition_stall",
    severity="error",
    standard="RFC 3312 §5, §6; TS 24.229 §5.1.3, §6.1",
    find=_stall,
    of="calls_that_failed",
    absence=True,
    explains=("request_timeout", "no_final_response", "overload", "server_error", "subscriber_absent"),
    texts={
        "en": Text(
            title="The set-up waits for a bearer that one side never confirms",
            explanation="Both ends made the voice bearer a precondition; the phone may ring only when both have it.",
            causes=(
                "the dedicated bearer (QCI 1, 5QI 1) was not set up",
                "the UPDATE that confirms it was lost or not sent",
                "PCRF or PCF did not act on the session",
            ),
            confirm="sip-analyzer setups CAPTURE; sip-analyzer call {no} CAPTURE",
            remedy="Look at Rx/Gx (N5/N7) and the radio of this side, from the 183 on.",
            observed="The {side} had not confirmed its resources for {waited} s when the call ended.",
        ),
        "zh": Text(
            title="建立过程在等待一侧始终未确认的承载",
            explanation="两端都把语音承载作为前提条件；只有双方都具备后才允许振铃。",
            causes=("专用承载（QCI 1、5QI 1）没有建立", "用于确认的 UPDATE 丢失或未发送", "PCRF 或 PCF 未处理该会话"),
            confirm="sip-analyzer setups CAPTURE; sip-analyzer call {no} CAPTURE",
            remedy="从 183 起检查该侧的 Rx/Gx（N5/N7）与无线。",
            observed="呼叫结束时，{side} 侧已 {waited} 秒未确认其资源。",
        ),
    },
)
