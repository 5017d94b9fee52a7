"""The door for assistants: the Model Context Protocol over standard input and output, by the official Python SDK.

::

    server.py     the server: instructions, and the tools with what they take
    tools.py      the tools: what each asks of a capture
    answers.py    rows and texts as answers: bounded, safe text, with a way to more
    folders.py    which captures may be opened: those below the folders that were named
    readings.py   captures that were read, masked unless it was said otherwise

An assistant reads what strangers wrote into packets. So answers are fields, not prose; characters that nobody sees are
shown as their codes; and every answer says that its values are data.
"""
