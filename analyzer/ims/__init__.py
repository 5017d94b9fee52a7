"""What 3GPP says: hops and legs of a call, and the clocks that timed them. Tables of messages in, tables out."""
