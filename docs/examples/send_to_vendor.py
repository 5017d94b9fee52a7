"""One call as an HTML ladder that may leave the house: numbers, names and addresses are replaced.

python docs/examples/send_to_vendor.py trace.pcap 3 mask.key

Keep the key: with it, `sip-analyzer ladder` finds the call again when the vendor answers with a masked Call-ID.
"""

from __future__ import annotations

import sys
from pathlib import Path

import analyzer

trace, number, key_file = sys.argv[1:]
masked = analyzer.read(trace).mask(Path(key_file).read_text().strip())
call = masked.call(int(number))
print(call.ladder().save(f"call-{number}.html"))
print("Call-IDs in it:", *call.messages["call_id"].unique())
