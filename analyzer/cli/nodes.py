"""``sip-analyzer nodes``."""

from __future__ import annotations

from analyzer.cli._table import table_command

command = table_command(
    "nodes",
    "Roles are estimated from what the whole capture shows: P-CSCF, S-CSCF, AS ... in an IMS, UA, proxy, B2BUA,"
    " registrar, redirect server elsewhere, unknown where too little speaks for any. sip-analyzer node_evidence says"
    " why; --nodes FILE says better.",
    example="sip-analyzer nodes trace.pcap --columns address,role,confidence,name",
)
