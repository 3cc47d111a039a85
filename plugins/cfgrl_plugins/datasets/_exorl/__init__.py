"""The parts of the ExORL data set: names, tasks and their rewards, files, generation."""
