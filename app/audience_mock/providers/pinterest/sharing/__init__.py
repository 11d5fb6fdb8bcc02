"""Audiences shared between ad accounts and businesses."""
