"""The sections of a seed, inserted into a world."""
