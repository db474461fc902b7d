"""One construct for each capability; the stacks only compose them."""
