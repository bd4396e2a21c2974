"""The chat call to a model: what is sent, and what is made of the answer."""
