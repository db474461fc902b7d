"""The commands of `python -m local`, one file each; `commands.py` registers them."""
