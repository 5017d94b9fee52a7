"""What went wrong, and why: calls that failed, breaches of rules, what a capture does not show."""
