"""Handing a case over: to a command, a webhook, a folder; any of them, each once."""
