"""The commands beside the server, each a module with `make_parser()` and `main(words)`; `table` lists them.

All of them open the channel layer as visitors: the journal must not take them for servers.
"""
