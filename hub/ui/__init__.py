"""The hub's pages: NiceGUI on `hub.services.Services` and nothing below it."""
