"""What people write: devices, tags and driver settings, as pydantic models.

One declaration gives validation, the form in the hub, the JSON Schema and the docs. The models live
here so that the hub draws a driver's form without importing a protocol library.
"""
