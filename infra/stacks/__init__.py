"""Four stacks for each environment: network, data, bot, monitoring."""
