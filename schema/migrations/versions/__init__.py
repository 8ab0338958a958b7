"""Migrations of the store, one module per version."""
