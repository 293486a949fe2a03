"""The queueing part of docs/scaling.rst: formulas, and a simulation that checks them."""
