"""Two rooms joined by a door: a data set for `cfgrl` with an environment of its own, in NumPy alone."""
