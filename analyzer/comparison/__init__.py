"""Two calls or two captures side by side: what is alike in both, and what differs."""
