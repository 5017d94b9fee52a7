"""The browser of a terminal: look around in captures that are read once.

::

    app.py        the application: keys, the way back, what is looked up beside
    views.py      what can be looked at: tables, the ladder of a call, a message, the keys
    tables.py     the rows of a table as lines, made for what is on the screen alone
    lines.py      the widget that shows lines: a cursor, a heading that stays
    lookups.py    one thread that asks the capture, so that keys are answered meanwhile
    saving.py     a call as a file

Textual draws. What comes from the wire is safe text (``show/text.py``) and goes to the screen as it is, never as
markup. Nothing here is imported by another command.
"""
