"""What the IETF says: transactions, dialogs, call attempts, registrations, each a function from tables to a table."""
