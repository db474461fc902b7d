.PHONY: bench
bench: $(call stamp,dev) ## measure everything, about 30 minutes (options: ARGS="--quick", ARGS="--only latency rush")
	@$(BIN)/python -m bench $(ARGS)
