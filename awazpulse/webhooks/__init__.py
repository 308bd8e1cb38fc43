"""Tells other servers what happens to a channel: signed requests, kept in the database until delivered."""
