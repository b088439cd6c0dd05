"""Test cases, runs and results as JSON."""
