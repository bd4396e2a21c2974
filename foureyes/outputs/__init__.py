"""Where readings and notices go."""
