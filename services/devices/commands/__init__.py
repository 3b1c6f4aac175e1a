"""Commands to devices, from being queued to the device's word that it did them."""
