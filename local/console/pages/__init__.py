"""What the browser asks for: one module for each part of the console, each with its `routes`."""
