.PHONY: bench
bench: $(call stamp,dev) ## measure everything, about 45 minutes (options: ARGS="--quick", ARGS="--only latency rush")
	@$(BIN)/python -m bench $(ARGS)
