"""What the tables amount to: response statistics, links, failures, set-up latency (RFC 6076, ITU-T E.4xx)."""
