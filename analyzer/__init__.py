"""Reads SIP out of packet captures and tells what happened."""
