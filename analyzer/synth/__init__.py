"""A scripted IMS network that emits captures with known truth.

UEs, P-, I- and S-CSCFs, telephony ASs as B2BUAs, an SMS gateway, BGCF, MGCF and IBCFs of two operators talk SIP as
scripts say (`scripts.py`); capture points see some of it, with clocks of their own; what really happened is written
beside.
Nothing of the analyzer is imported, so that the laboratory cannot agree with its mistakes.

    from analyzer.synth import make

    truth = make("out", calls=100, seed=1, points=("access", "core"), skew_s=2.0)

or ``python -m analyzer.synth out --calls 100``. See docs/simulator.md.
"""

from analyzer.synth.laboratory import Laboratory, make
from analyzer.synth.settings import Settings
from analyzer.synth.truth import MessageRow, Sighting, Truth

__all__ = ["Laboratory", "MessageRow", "Settings", "Sighting", "Truth", "make"]
