"""Effects of cluster organisations on their member firms."""
