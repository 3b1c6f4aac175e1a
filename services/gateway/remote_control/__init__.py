"""Remote control of devices, and the addresses at which their own pages stand."""
