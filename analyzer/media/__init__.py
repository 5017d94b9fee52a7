"""What was heard: streams of RTP joined to calls, rated, and held against what was agreed."""
