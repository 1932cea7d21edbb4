"""From the mirrors of the spokes' streams into SQL, each value exactly once."""
