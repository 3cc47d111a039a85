"""Training runs on disk: run directories, checkpoints, metrics, signals, resume."""
