"""A third API, as a developer would add one: this folder, and nothing else."""
