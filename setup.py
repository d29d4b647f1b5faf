"""Build hook: compiles the decision core when a C compiler is there; falls back to plain Python."""

from setuptools import setup

setup()
