"""Who gets in: logins, passwords and open sessions."""
