"""The kinds of picture sources, and how one is made from its settings."""
