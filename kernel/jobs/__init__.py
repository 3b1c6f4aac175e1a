"""Work that is done later, apart from whoever asked for it: a durable list, who works through it, what is parked."""
