"""Comparisons of two calls or two captures as text, as a page and as JSON: rendering only."""
