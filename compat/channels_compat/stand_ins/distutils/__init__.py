"""Stand-in for distutils, which Python 3.12 removed: distutils.version only.

`pip install setuptools` brings a whole distutils back, and is then used instead of this one.
"""

__version__ = "0"
