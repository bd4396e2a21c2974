"""The composition root: builds the parts, starts them in order, says when it is ready, and takes it all down."""
