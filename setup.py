"""What is installed where: the client everywhere, compat and the server on Python 3.10 and newer.

The rest of the metadata stands in setup.cfg. Python 2.7 reads this file.
"""

import io
import os
import re
import sys

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))

# Two wheels come of one tree. Their tags let pip choose: `py310` fits Python 3.10 and newer and wins there
# over `py36` (packaging.tags.compatible_tags: the higher version first). `py3` would win over both.
HAS_SERVER = sys.version_info >= (3, 10)
PYTHON_TAG = 'py310' if HAS_SERVER else 'py2.py36'


def version():
    """The one place that states it is channels_async/__init__.py."""
    path = os.path.join(HERE, 'client', 'channels_async', '__init__.py')
    with io.open(path, encoding='utf-8') as source:
        return re.search(r"^__version__ = '([^']+)'", source.read(), re.MULTILINE).group(1)


folders = {'channels_async': 'client'}
if HAS_SERVER:
    folders.update({'channels_compat': 'compat', 'server_trio': '.'})

setup(
    version=version(),
    packages=[
        package
        for name, folder in sorted(folders.items())
        for package in find_packages(os.path.join(HERE, folder), include=[name, name + '.*'])
    ],
    package_dir={name: os.path.normpath(os.path.join(folder, name)) for name, folder in folders.items()},
    # Each has a build folder of its own: what is left in one goes into the next wheel that is made from it.
    options={
        'bdist_wheel': {'python_tag': PYTHON_TAG},
        'build': {'build_base': os.path.join('build', PYTHON_TAG)},
    },
)
