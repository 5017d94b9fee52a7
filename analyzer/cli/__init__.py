"""The command line: one file per command, arguments -> one Capture call -> print."""
