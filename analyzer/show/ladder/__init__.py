"""A timeline as a picture: one module for each format, each a pure function of the timeline."""
