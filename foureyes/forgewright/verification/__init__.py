"""Verification: whether a proposed fix mends its fault, shown in a copy of the project, and its approval."""
