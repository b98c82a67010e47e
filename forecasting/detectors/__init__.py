"""Detectors: each tells how strange a row is from the rows before it. A new kind is one file and one line in base.py."""
