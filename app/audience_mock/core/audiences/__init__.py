"""Audiences: queries, changes, life cycle, overrides, sharing; ad accounts, pixels, Facebook ids."""
