"""The hub: where people configure, watch and act, and from where the data goes into SQL."""
