"""PostgreSQL as Exemplar uses it."""
