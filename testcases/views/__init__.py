"""The pages of test cases, runs and results, and the first page."""
