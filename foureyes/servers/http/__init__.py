"""HTTP to model servers: bounded, one client a base URL, every refusal as one of our errors."""
