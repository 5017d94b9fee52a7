"""A local page over captures that are too large for a file: the look of the report, made piece by piece.

::

    app.py        addresses: which page a path is, and what is refused before that
    pages.py      the pages: what each asks of the capture, filled into the templates
    rows.py       the rows of a table that an address asks for: searched, filtered, sorted, a page of them
    *.html.j2     the templates; style and the parts above the tables are those of the report
    page.js       what a page does without being loaded anew: messages beside a ladder, the verdict when it is there

Starlette and Uvicorn serve. The standard library's ``http.server`` would do the routing, but says of itself that it is
not for use where security matters, reads headers and slow clients without a bound, and has no answer to HEAD for pages
that are made; h11 below Uvicorn is strict about all of it. Both are small, pure Python, and what the MCP SDK stands on
anyway. The extra ``sip-analyzer[serve]`` brings them; nothing else imports them.

Who can ask: programs of this machine that know the token in the address. The server listens on loopback alone, wants a
Host header that names loopback (a page of the Web whose name is pointed here has another: DNS rebinding), answers GET
and HEAD, writes nothing. Pages may load from this server only, be framed by nobody, and tell nobody the address.
"""
