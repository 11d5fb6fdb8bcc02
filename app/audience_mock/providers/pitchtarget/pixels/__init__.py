"""Offsite pixels and the remarketing pixel."""
