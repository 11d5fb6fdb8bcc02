"""Worlds: isolated environments, each with its own data, clock, ids and controls."""
