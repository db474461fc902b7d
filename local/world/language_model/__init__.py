"""The local language model: real understanding on a CPU for `make run`, behind the contract of the real API.

Sentence embeddings (multilingual-e5-small, from PyPI) and a linear classifier that learned from `examples.txt` decide
what a message wants; the nearest passage of the prompt answers a question. It knows nothing but what it was sent.
"""
