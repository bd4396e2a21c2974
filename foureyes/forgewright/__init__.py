"""Triage: which recorded faults become cases, how urgent they are, and to whom they are handed."""
