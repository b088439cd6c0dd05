"""SQLite as Exemplar uses it."""
