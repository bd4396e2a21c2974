"""A task's JSON Schema: what it may say, its x- keywords, and the typed values that answer it."""
