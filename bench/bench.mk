.PHONY: bench
bench: $(call stamp,dev) ## measure everything, about 30 minutes (options: ARGS="--quick", ARGS="--only latency rush")
	@$(BIN)/python -m bench $(ARGS)

.PHONY: eval
eval: $(call stamp,dev) ## how well we understand what parents type (options: ARGS="--file lines.jsonl")
	@$(BIN)/python -m bench.eval $(ARGS)
