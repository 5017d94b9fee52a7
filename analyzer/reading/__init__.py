"""Capture to messages: engines deliver payloads, one parser makes messages."""
