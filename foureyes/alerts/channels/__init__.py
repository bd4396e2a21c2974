"""The ways that notices go to an operator."""
