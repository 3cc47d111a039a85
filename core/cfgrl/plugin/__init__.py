"""For authors of plugins: a new package that works, and the checks of a whole package."""
