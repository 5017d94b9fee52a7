"""Calls whose media are the point: healthy ones that look odd, and one fault each (`sound.py` has the words)."""

from __future__ import annotations

from analyzer.simulator.script import ANSWERED, BREAKOUT, SET_UP, VOLTE, Scenario, call
from analyzer.simulator.sound import Sound

_BYE = "A > B  BYE  clearing  after speaking\nB > A  200 BYE\n"
_TALK = SET_UP + ANSWERED + _BYE
_HOLD = "A > B  UPDATE  offer-{0}  after speaking\nB > A  200 UPDATE  answer-{0}\n"
_RESUME = "A > B  UPDATE  offer-resume  after held\nB > A  200 UPDATE  answer-resume\n"
_HELD = SET_UP + ANSWERED + _HOLD.format("hold") + _RESUME + _BYE
_INACTIVE = SET_UP + ANSWERED + _HOLD.format("inactive") + _RESUME + _BYE
_PLAIN = (
    "A > B  INVITE  offer-plain\nB > A  180 INVITE  ring  after alerting\n"
    "B > A  200 INVITE  answer-plain  after ringing\nA > B  ACK\n" + _BYE
)
_TONES = """
A > MGCF  INVITE      offer-plain
MGCF > A  183 INVITE  answer-plain early  after alerting
MGCF > A  180 INVITE  ring                after bearer
MGCF > A  200 INVITE  answer-plain        after ringing
A > MGCF  ACK
A > MGCF  BYE         clearing            after speaking
MGCF > A  200 BYE
"""
_UNSAID = _TONES.replace("183 INVITE  answer-plain early", "183 INVITE")


def _of(name: str, sound: Sound, script: str = _TALK, route: str = VOLTE, rule: str = "") -> Scenario:
    return call(name, route, script, "answered", 200, rule=rule, sound=sound)


#: Nothing is wrong with them.
HEALTHY = (
    _of("talk", Sound()),
    _of("talk_evs", Sound(codec="EVS", rates=(4, 6)), _PLAIN),
    _of("talk_evs_full", Sound(codec="EVS", framing=True), _PLAIN),
    _of("talk_amr", Sound(codec="AMR", rates=(7, 4, 7, 2)), _PLAIN),
    _of("talk_noise", Sound(codec="PCMA+CN"), _PLAIN),
    _of("talk_srtp", Sound(codec="PCMA", srtp="AES_CM_128_HMAC_SHA1_80", pauses=False), _PLAIN),
    _of("talk_relayed", Sound(anchored=True), _PLAIN),
    _of("talk_transcoded", Sound(codec="AMR-WB", far_codec="PCMA", anchored=True), _PLAIN),
    _of("talk_hold_music", Sound(on_hold="music"), _HELD),
    _of("talk_hold_silence", Sound(on_hold="silence"), _HELD),
    _of("talk_inactive", Sound(), _INACTIVE),
    _of("talk_tones", Sound(codec="PCMA", early=True), _TONES, BREAKOUT),
    _of("talk_reordered", Sound(reordered=0.01, loss="random 0.001", jitter_ms=15.0)),
)

#: One fault each; with each rule, one scenario or more.
FAULTS = (
    _of("fault_one_way", Sound(silent=True), rule="one_way_audio"),
    _of("fault_one_way_caller", Sound(silent=True, side="caller"), rule="one_way_audio"),
    Scenario(
        "fault_no_audio", "call", ((VOLTE, _TALK), (VOLTE, _TALK)), "answered", 200, rule="no_audio", sound=Sound()
    ),
    _of("fault_late_audio", Sound(late_s=2.5), rule="late_media"),
    _of("fault_lossy", Sound(loss="random 0.04"), rule="media_quality"),
    _of("fault_lossy_bursts", Sound(loss="gilbert 0.05 4", codec="PCMA", pauses=False), _PLAIN, rule="media_quality"),
    _of("fault_jitter", Sound(jitter_ms=150.0, codec="PCMA", pauses=False), _PLAIN, rule="media_quality"),
    _of("fault_codec", Sound(payload_type=97, codec="PCMA"), _PLAIN, rule="codec_not_agreed"),
    _of("fault_after_bye", Sound(after_s=6.0), rule="media_after_end"),
    _of("fault_elsewhere", Sound(elsewhere=True), rule="media_elsewhere"),
    _of("fault_held_speaks", Sound(on_hold="held"), _HELD, rule="audio_against_hold"),
    _of("fault_inactive", Sound(on_hold="anyway"), _INACTIVE, rule="audio_while_inactive"),
    _of("fault_rate_amr", Sound(codec="AMR", rates=(7, 5)), _PLAIN, rule="bit_rate_not_agreed"),
    _of("fault_rate_evs", Sound(codec="EVS", rates=(7,)), _PLAIN, rule="bit_rate_not_agreed"),
    _of("fault_tones_unsaid", Sound(codec="PCMA", early=True), _UNSAID, BREAKOUT, rule="early_audio_not_signalled"),
    _of("fault_relay", Sound(anchored=True, not_relayed=True), _PLAIN, rule="audio_lost_between_legs"),
    _of(
        "fault_relay_caller", Sound(anchored=True, not_relayed=True, side="caller"), _PLAIN,
        rule="audio_lost_between_legs",
    ),
    _of("fault_gap", Sound(gap_s=4.0, codec="PCMA", pauses=False), _PLAIN, rule="audio_gap"),
    _of("fault_gap_amr", Sound(gap_s=4.0), rule="audio_gap"),
    _of("fault_framing", Sound(framing=True), rule="amr_framing"),
    _of("fault_framing_amr", Sound(framing=True, codec="AMR"), _PLAIN, rule="amr_framing"),
)  # fmt: skip
