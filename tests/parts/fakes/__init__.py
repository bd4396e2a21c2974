"""Fake model servers, each a program of its own, written from the facts file alone to judge the adapters."""
