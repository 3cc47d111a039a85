"""The parts of the OGBench data set: names, files, recipes, environments, download."""
