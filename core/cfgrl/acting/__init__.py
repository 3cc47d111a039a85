"""A trained agent in use: actions, chunks and frames, densities, and what a guidance weight costs."""
