"""The database: tables, statements, sequences, transactions."""
