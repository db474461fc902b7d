"""`make bench`: how fast the product is, measured on the real local stack and set beside what physics allows."""
