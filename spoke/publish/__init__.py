"""From frames to acknowledged batches in the local stream."""
