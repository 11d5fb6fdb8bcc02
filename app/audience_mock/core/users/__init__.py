"""Uploaded people: files, digests, user sets, customer lists."""
