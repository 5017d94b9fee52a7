"""Rendering only: tables in, text out. Everything from the wire is escaped here."""
