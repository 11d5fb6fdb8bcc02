"""Seed files: schema, loading, applying, exporting and comparing."""
