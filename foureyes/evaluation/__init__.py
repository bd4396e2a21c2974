"""Labelled pictures, and how well models read them."""
