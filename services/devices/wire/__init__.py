"""What devices and the cloud say to each other, and how what devices say is read."""
