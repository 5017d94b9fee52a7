"""Masking: keyed pseudonyms in place of who, where and what was said, so that a capture's tables can be mailed.

::

    pseudonyms.py  a key, and for every word, number and address another one of the same form
    vocabulary.py  what is public: the words of the standards
    values.py      URIs, hosts, identifiers, header fields: what of a value is masked, by its grammar
    bodies.py      SDP, XML, DTMF, SMS and other bodies
    mask.py        whole messages and whole tables

What is not known to be public is masked: a header or a body that nobody has heard of cannot betray anyone.
"""
