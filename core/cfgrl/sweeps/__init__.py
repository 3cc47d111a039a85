"""Sweeps: an experiment of many runs from one table of a registry file, resumable, and what its runs say together."""
