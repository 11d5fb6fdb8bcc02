"""Audience insights."""
