"""Tries what is configured against the outside: one module for each thing that is tried, each gives checks."""
