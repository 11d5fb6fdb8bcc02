"""Audiences: queries, life cycle, sharing, ad accounts, pixels."""
