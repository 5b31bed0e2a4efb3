"""One module for each entrant, run as a process of its own in the environment of that entrant.

The modules import the standard library, NumPy and the library that they measure, nothing else: most of their
environments have no more.
"""
