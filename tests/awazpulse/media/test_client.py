"""Runs under both event loops; the real child, and stand-ins that misbehave."""
