"""Build hook: compiles the decision core when a C compiler is there.

The core is one Python source that also runs uncompiled; `parley doctor` says which of the two is in use.
"""

import os

from setuptools import Extension, setup

CORE = (
    "_points",
    "_core",
    "_edges",
    "_ids",
    "_fields",
    "_bulk",
    "_entries",
    "_fold",
    "_lexicon",
    "_fragments",
    "_tongue",
    "_numbers",
    "_grams",
    "_columns",
    "_choose",
    "_auction",
    "_memory",
    "_turns",
    "_decide",
    "_vectors",
    "_trip",
    "_context",
    "_tokens",
    "_answer",
)

try:
    from Cython.Build import cythonize
except ImportError:  # a source install without build isolation: plain Python serves, more slowly
    extensions = []
else:
    extensions = cythonize(
        [Extension(f"fastpath.{name}", [f"fastpath/{name}.py"], optional=True) for name in CORE],
        language_level=3,
        build_dir="build",
    )

# Side by side: one after the other they are most of the time that the set-up takes.
setup(ext_modules=extensions, options={"build_ext": {"parallel": min(4, os.cpu_count() or 1)}})
