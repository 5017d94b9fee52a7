"""Media: loss, jitter and quality of audio, who was not heard."""

from __future__ import annotations

import polars as pl

from analyzer.columns.durations import nanoseconds
from analyzer.columns.sound import is_audio
from analyzer.kpi.attempts import ANSWERED
from analyzer.kpi.record import Example, Excluded, Kpi

_AUDIO = is_audio()
_RATED = pl.col("mos").is_not_null()
_UNRATED = Excluded("not rated: no published values for the codec", ~_RATED)
_HERE = "A capture in the middle of the path tells of the way to its place; a stream on two legs is two streams."
_LOSS, _DISSATISFIED, _MANY = 0.01, 3.6, 3.1
_SHORT_S = 10.0

_MANY_STREAMS = (
    (6, {"media": "audio", "mos": 4.4, "loss": 0.0, "jitter_s": 0.002}),
    (1, {"media": "audio", "mos": 3.4, "loss": 0.03, "jitter_s": 0.03}),
    (1, {"media": "audio", "mos": 2.5, "loss": 0.17, "jitter_s": 0.04}),
    (1, {"media": "audio", "mos": None, "loss": 0.0, "jitter_s": 0.002}),
    (1, {"media": "video", "mos": None, "loss": 0.5, "jitter_s": 0.5}),
)

KPIS = (
    Kpi(
        name="lossy_audio",
        titles={"en": "streams of audio that lose more than 1 %", "zh": "丢包超过 1% 的音频流"},
        texts={
            "en": "Share of the streams of audio of which more than 1 % of the packets were sent and not captured. "
            "People hear it, unless the codec conceals it well.",
            "zh": "已发送而未捕获的分组超过 1% 的音频流所占比例。除非编解码能很好地掩盖，人能听出。",
        },
        kind="share",
        of="streams",
        standard="RFC 3550 A.3; ITU-T G.113 Appendix I",
        formula=("streams with a loss above 1 %", "streams"),
        about=_AUDIO,
        top=pl.col("loss") > _LOSS,
        chosen=f"Over streams, not packets: packets are lost in bursts, so that their number proves little. {_HERE}",
        example=Example(_MANY_STREAMS, numerator=2, denominator=9, value=2 / 9),
    ),
    Kpi(
        name="jitter_s",
        titles={"en": "jitter of audio", "zh": "音频抖动"},
        texts={
            "en": "Mean interarrival jitter of streams of audio. Above 30 ms usual jitter buffers drop packets.",
            "zh": "音频流的平均到达间隔抖动。超过 30 毫秒时，常见的抖动缓冲会丢弃分组。",
        },
        kind="duration",
        of="streams",
        standard="RFC 3550 §6.4.1",
        formula=("sum of the mean jitter of each stream", "streams"),
        about=_AUDIO,
        top=nanoseconds("jitter_s"),
        missing="of one packet with a time",
        chosen=f"Each stream counts once, however long it is. {_HERE}",
        example=Example(_MANY_STREAMS, numerator=0.084, denominator=9, value=0.084 / 9),
    ),
    Kpi(
        name="poor_audio",
        titles={"en": "streams of poor audio (MOS below 3.6)", "zh": "音质差的流（MOS 低于 3.6）"},
        texts={
            "en": "Share of the rated streams of audio with a MOS below 3.6: some users are dissatisfied. With "
            "--by codec or peer it shows where.",
            "zh": "已评分的音频流中 MOS 低于 3.6 者所占比例：部分用户不满意。用 --by codec 或 peer 可看出在哪里。",
        },
        kind="share",
        of="streams",
        standard="ITU-T G.107 Annex B",
        formula=("streams with a MOS below 3.6", "rated streams"),
        about=_AUDIO,
        excluded=(_UNRATED,),
        top=pl.col("mos") < _DISSATISFIED,
        chosen=f"R = 70, below which some users are dissatisfied, is a MOS of 3.6 (table B.1). {_HERE}",
        example=Example(_MANY_STREAMS, numerator=2, denominator=8, value=0.25, excluded=1),
        also=("MOS",),
    ),
    Kpi(
        name="bad_audio",
        titles={"en": "streams of bad audio (MOS below 3.1)", "zh": "音质很差的流（MOS 低于 3.1）"},
        texts={
            "en": "Share of the rated streams of audio with a MOS below 3.1: many users are dissatisfied, and hang up.",
            "zh": "已评分的音频流中 MOS 低于 3.1 者所占比例：许多用户不满意并会挂断。",
        },
        kind="share",
        of="streams",
        standard="ITU-T G.107 Annex B",
        formula=("streams with a MOS below 3.1", "rated streams"),
        about=_AUDIO,
        excluded=(_UNRATED,),
        top=pl.col("mos") < _MANY,
        chosen=f"R = 60, below which many users are dissatisfied, is a MOS of 3.1 (table B.1). {_HERE}",
        example=Example(_MANY_STREAMS, numerator=1, denominator=8, value=0.125, excluded=1),
    ),
    Kpi(
        name="one_way_audio_share",
        titles={"en": "share of one-way calls", "zh": "单向通话率"},
        texts={
            "en": "Share of the answered calls in which one side was not heard, though its packets pass the place of "
            "the capture. NAT, firewalls and media relays cause it.",
            "zh": "已应答呼叫中一侧未被听到（尽管其分组经过采集处）者所占比例。由 NAT、防火墙与媒体中继引起。",
        },
        kind="share",
        of="call_media",
        standard="RFC 3264 §5.1; none defines it",
        formula=("calls heard one way or not at all", "answered calls of whose audio it is known"),
        excluded=(Excluded("of whose audio it is not known", pl.col("media") == "unknown"),),
        top=pl.col("media") != "both_ways",
        chosen="As the table call_media decides; without evidence that the silent side would be seen, a call does not "
        "count.",
        example=Example(
            (
                (6, {"media": "both_ways"}),
                (1, {"media": "from_caller"}),
                (1, {"media": "none"}),
                (2, {"media": "unknown"}),
            ),
            numerator=2,
            denominator=8,
            value=0.25,
            excluded=2,
        ),
    ),
    Kpi(
        name="audio_delay_s",
        titles={"en": "delay of audio after the answer", "zh": "应答后音频时延"},
        texts={
            "en": "Time from the answer to the first audio of the side that began later. Above 1 s the first words are "
            "lost.",
            "zh": "从应答到较晚开始一侧的首个音频的时间。超过 1 秒则开头几个字丢失。",
        },
        kind="duration",
        of="call_media",
        standard="RFC 3960; none defines it",
        formula=("sum of the delays", "answered calls heard both ways"),
        about=pl.col("media") == "both_ways",
        top=nanoseconds("delay_s"),
        missing="without times",
        chosen="0 where both sides sent before the answer.",
        example=Example(
            (
                (3, {"media": "both_ways", "delay_s": 0.0}),
                (1, {"media": "both_ways", "delay_s": 2.0}),
                (1, {"media": "from_caller"}),
            ),
            numerator=2,
            denominator=4,
            value=0.5,
        ),
    ),
    Kpi(
        name="short_calls",
        titles={"en": "share of short calls", "zh": "短通话率"},
        texts={
            "en": "Share of the answered calls that lasted less than 10 s: people who hear nothing hang up and "
            "call again.",
            "zh": "已应答呼叫中持续不足 10 秒者所占比例：听不到声音的人会挂断重拨。",
        },
        kind="share",
        of="calls",
        standard="RFC 6076 §4.5; none defines the limit",
        formula=("answered calls shorter than 10 s", "answered calls whose length is known"),
        about=ANSWERED,
        excluded=(Excluded("whose length is not known", pl.col("talk_s").is_null()),),
        top=pl.col("talk_s") < _SHORT_S,
        chosen="10 s, as operators use it for fraud and quality alike; announcements and voice mail are short, too.",
        example=Example(
            (
                (6, {"outcome": "answered", "talk_s": 60.0}),
                (2, {"outcome": "answered", "talk_s": 4.0}),
                (1, {"outcome": "answered"}),
                (1, {"outcome": "busy"}),
            ),
            numerator=2,
            denominator=8,
            value=0.25,
            excluded=1,
        ),
    ),
)
