"""The embedded model server, a process of its own: text, state, motion and signs in pictures it is sent."""
