"""What data sets share that are one file of named arrays: D4RL's, and users' own."""
