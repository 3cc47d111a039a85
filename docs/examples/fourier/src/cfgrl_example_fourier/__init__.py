"""Random Fourier features in front of a network: a network for `cfgrl`."""
