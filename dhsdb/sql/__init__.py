"""SQL of checks and comparisons that a person can run by hand."""
