"""Logged episodes: arrays in rows, how a policy sees them, what is checked in them, and where they lie."""
