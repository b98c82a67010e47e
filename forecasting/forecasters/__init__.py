"""Forecasters: each continues a series its own way. A new kind is one file and one line in base.py."""
