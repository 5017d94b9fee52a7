"""Values that columns of several tables share."""

from __future__ import annotations

from analyzer.schema.column import words

TRANSPORTS = words("udp tcp sctp tls ws wss")
RESOURCES = words("none send recv sendrecv")
DIRECTIONS = words("sendrecv sendonly recvonly inactive")
REGISTRATION_KINDS = words("initial refresh deregister third_party emergency")
REGISTRATION_OUTCOMES = words("registered deregistered failed challenged pending")
ACCESS_TECHNOLOGIES = words("NR E-UTRAN UTRAN GERAN GAN CDMA2000 WLAN non-3GPP Ethernet DSL cable fibre GSTN satellite")
PEERS = words("HSS PCRF CDF OCS DNS")
SETUP_PHASES = words("retry trying routing prack caller_bearer callee_bearer alerting ringing cancelling ack")
DELAYS = words("pdd alert srd setup ring talk")
"""The delays of a call: each is the column of ``calls`` with ``_s`` behind it."""
REFERENCE_POINT_NAMES = words("Gm Mw ISC Ma Mi Mj Mg Mk Mr Mr' Ml Mx Ici I2 I4 I5")
