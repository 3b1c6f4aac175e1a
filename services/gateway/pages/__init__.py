"""Pages for people and programs: the console, the API's document and its page, and `security.txt`."""
