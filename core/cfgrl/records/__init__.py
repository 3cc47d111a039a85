"""What a run directory holds, read and written in one place. Nothing here imports jax."""
