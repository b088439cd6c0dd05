"""Django's database backends with what Exemplar needs besides: writers to SQLite in turn, and no log of statements."""
