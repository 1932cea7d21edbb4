"""Functions in the hub: their versions, and the uses that make them work on gateways."""
