"""Audience sizing of an ad group."""
