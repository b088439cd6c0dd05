"""Test cases of an Exemplar server as tests of pytest."""
