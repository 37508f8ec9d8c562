"""Every sentence said to people; another language is another package like this one.

`admin` speaks of running a room and of what went wrong, `client` of being in one.
"""
