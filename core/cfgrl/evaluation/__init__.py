"""Judging policies: episodes over environments, and what their outcomes allow to be said."""
