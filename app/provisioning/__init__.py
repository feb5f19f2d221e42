"""Configuration as code: YAML in, rows out.

`loading.load` reads folders and finds every mistake at once, `applying.apply` writes them in one
transaction. The defaults that we ship come first; what a folder names again replaces them.
"""
