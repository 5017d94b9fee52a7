"""What words of the field, and of ours, mean: in plain words, with the standard, in English and Chinese.

::

    *.toml          a file for each kind of word: name, standard, and the text in each language (``en``, ``zh``)
    schema          tables and columns in English; tables_zh.toml has them in Chinese
    diagnose.rules  what each rule says, in both
         --> entries.py    every word as an Entry, read when it is asked for
         --> lookup.py     the entries of a word; close ones for a word that is unknown
         --> phrases.py    sentences of summary and report in another language
"""
