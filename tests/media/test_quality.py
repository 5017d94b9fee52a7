"""The E-model: values of G.107 itself, and ratings worked by hand."""

from __future__ import annotations

import polars as pl
import pytest

from analyzer.media.quality import mos, rated
from tests.media.talk import CALLEE, CALLER, heard, rtp


@pytest.mark.parametrize(
    ("rating", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1), (100, 4.5)]
)
def test_scores_are_those_of_annex_b(rating: float, score: float) -> None:
    """G.107 table B.1."""
    assert pl.select(mos(pl.lit(float(rating)))).item() == pytest.approx(score, abs=0.01)


def row(**said: object) -> dict[str, object]:
    given = {"media": "audio", "codec": "PCMU/8000", "received": 1000, "expected": 1000, "bursts": 0}
    unknown = {"packet_s": 0.02, "jitter_s": 0.0, "rtcp_round_trip_s": None, "modes": None}
    schema = {"rtcp_round_trip_s": pl.Float64, "codec": pl.String, "modes": pl.String}
    return rated(pl.DataFrame([given | unknown | said], schema_overrides=schema)).row(0, named=True)


def test_nothing_is_lost_of_g_711() -> None:
    """By hand: 40 ms of delay are 0.96 of 93.2."""
    assert row()["r_factor"] == pytest.approx(93.2 - 0.024 * 40)


def test_loss_by_chance_is_a_matter_of_the_codec() -> None:
    """By hand: 5 % of G.729, whose Ie is 11 and Bpl 19: 11 + 84 * 5 / (5 + 19) = 28.5."""
    found = row(codec="G729/8000", received=950, bursts=50)
    assert found["r_factor"] == pytest.approx(93.2 - 0.96 - 28.5, abs=0.2)


def test_loss_in_bursts_is_worse() -> None:
    by_chance, in_bursts = row(received=950, bursts=50), row(received=950, bursts=5)
    assert in_bursts["mos"] < by_chance["mos"]  # type: ignore[operator]


def test_a_long_way_costs_more_than_its_share() -> None:
    """By hand: 500 ms there and back: 250 + 40 ms one way, 0.024 * 290 + 0.11 * (290 - 177.3) = 19.36."""
    assert row(rtcp_round_trip_s=0.5)["r_factor"] == pytest.approx(93.2 - 19.36, abs=0.01)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"codec": "opus/48000/2"}, "have no values for OPUS"),
        ({"codec": None}, "not known"),
        ({"media": "video"}, "no audio"),
    ],
)
def test_what_has_no_values_is_not_rated(said: dict[str, object], why: str) -> None:
    found = row(**said)
    assert (found["r_factor"], found["mos"]) == (None, None)
    assert why in str(found["rating"])


def test_a_call_has_the_score_of_its_worst_stream() -> None:
    lossy = rtp([n for n in range(400) if n % 10], way=(CALLEE, CALLER), source=2)
    capture = heard(rtp(range(400), source=1), lossy)
    scores = dict(capture.table("streams").select("sent_by", "mos").rows())
    assert scores["callee"] < scores["caller"]
    assert capture.table("call_media")["mos"].to_list() == [scores["callee"]]


# -- by bit rate, wideband ---------------------------------------------------------------------------------------------


def test_wideband_is_rated_on_its_own_scale() -> None:
    """G.107.1 by hand: AMR-WB 12.65 has an Ie,WB of 13: 129 - 13 - 0.96, and the score of 115.04 / 1.29 = 89.2."""
    found = row(codec="AMR-WB/16000", modes="12.65")
    assert found["r_factor"] == pytest.approx(129 - 13 - 0.96)
    assert found["mos"] == pytest.approx(4.32, abs=0.01)
    assert str(found["rating"]).startswith("G.107.1: AMR-WB 12.65, Ie 13.0, Bpl not used")


def test_several_bit_rates_are_rated_as_the_worst() -> None:
    """6.6 kbit/s has 41, 23.85 has 8, 23.05 has 1."""
    assert row(codec="AMR-WB/16000", modes="6.6 12.65")["r_factor"] == pytest.approx(129 - 41 - 0.96)
    assert row(codec="AMR-WB/16000", modes="23.05 23.85")["r_factor"] == pytest.approx(129 - 8 - 0.96)


def test_amr_of_12_2_is_gsm_efr() -> None:
    """G.113 Appendix I; by hand with 2 % lost by chance: 5 + 90 * 2 / (2 + 10) = 20."""
    found = row(codec="AMR/8000", modes="12.2", received=980, bursts=20)
    assert found["r_factor"] == pytest.approx(93.2 - 0.96 - 20, abs=0.2)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"codec": "AMR-WB/16000", "modes": "12.65", "received": 990, "bursts": 10}, "Bpl"),
        ({"codec": "AMR/8000", "modes": "4.75 12.2"}, "bit rates"),
        ({"codec": "AMR-WB/16000"}, "bit rates"),
        ({"codec": "EVS/16000"}, "no values for EVS"),
    ],
)
def test_what_is_not_published_is_not_rated(said: dict[str, object], why: str) -> None:
    found = row(**said)
    assert (found["mos"], why in str(found["rating"])) == (None, True)
