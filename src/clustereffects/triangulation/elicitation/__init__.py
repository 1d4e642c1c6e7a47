"""Judgements and what data say about them."""
