"""Channels: each carries a notice to people one way. A new kind is one file and one line in base.py."""
