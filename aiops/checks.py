"""Misconfiguration as Django system checks, each with a hint that says what to do."""
