"""A scripted IMS network that emits captures with known truth.

UEs, P-, I- and S-CSCFs, telephony ASs as B2BUAs, an SMS gateway, BGCF, MGCF and IBCFs of two operators talk SIP as
scripts say (`scenarios.py`); capture points see some of it, with clocks of their own; what really happened is written
beside.
Nothing of the analyzer is imported, so that the simulator cannot agree with its mistakes.

    from analyzer.simulator import make

    truth = make("out", calls=100, seed=1, points=("access", "core"), skew_s=2.0)

or ``python -m analyzer.simulator out --calls 100``. See docs/simulator.md.
"""

from analyzer.simulator.settings import Settings
from analyzer.simulator.simulator import Simulator, make
from analyzer.simulator.truth import MessageRow, Observation, Truth

__all__ = ["MessageRow", "Observation", "Settings", "Simulator", "Truth", "make"]
