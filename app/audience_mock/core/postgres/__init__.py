"""Worlds on PostgreSQL: stateless servers that share everything of a world. Imported by `--database
postgresql://…` alone."""
