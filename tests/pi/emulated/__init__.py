"""Emulated Raspberry Pis: packages, images, machines, and what is looked at."""
