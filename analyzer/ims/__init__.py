"""What 3GPP says: hops, legs, nodes, reference points, clocks, registration. Tables of messages in, tables out."""
