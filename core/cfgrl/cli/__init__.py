"""The command line: one file a subcommand, none of which imports jax before it has to."""
