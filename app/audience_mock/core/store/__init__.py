"""The database: tables, rows, statements, sequences, transactions."""
