"""Views of the store as SQL that a person can run by hand."""
