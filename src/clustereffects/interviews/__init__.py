"""Perspective 3: coded interviews, how reliable the coding is, and what it says about claims."""
