"""Forms of the pages: test cases, runs, and calls of a function."""
