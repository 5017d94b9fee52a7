"""What 3GPP says: messages of an IMS to hops, legs, nodes, reference points."""
