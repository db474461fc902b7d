"""The Lambda functions, one short file each; the folder listing is the list of functions."""
