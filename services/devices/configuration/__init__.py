"""What a device is to be set to, and when it is told so."""
