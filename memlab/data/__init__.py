"""Pipeline from files to batches: one validated table, one decoder, one geometry."""
