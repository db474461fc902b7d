.PHONY: bench
bench: $(call stamp,dev) ## measure everything, about 25 minutes (options: ARGS="--quick", ARGS="--only latency rush")
	@$(BIN)/python -m bench $(ARGS)
