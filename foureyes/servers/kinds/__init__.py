"""One file a kind of model server, and how the kind at an address is found out."""
