"""Uploads in parts to a customer list."""
