"""What the tests share: see each module for the one thing it does.

* `programs`, `fork_server`: run `sockatuh ARGS` as a process without paying for a new interpreter each time.
* `terminal`: such a program in a terminal, with what its screen shows.
"""
