"""Answers questions about a store: which network is best and how surely, what was published, what the audit finds."""
