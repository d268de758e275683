"""Questions asked of a store: which network is best, how surely, what was published, what the audit finds."""
