"""Test cases, runs and results over REST."""
