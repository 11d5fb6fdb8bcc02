"""Uploaded users: files, digests, user sets; customer lists and their uploads."""
