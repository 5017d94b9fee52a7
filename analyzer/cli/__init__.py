"""The command ``sip-analyzer``: arguments -> one Capture call -> print.

``main`` is the group; ``tables`` makes the commands of all tables from the catalogue (``analyzer.schema``). Every other
command is a module of its own name: ``call`` in ``call.py``.
"""

from analyzer.cli.main import group as group
