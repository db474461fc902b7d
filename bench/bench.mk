.PHONY: bench
bench: $(call stamp,dev) ## measure everything, about 30 minutes (options: ARGS="--quick", ARGS="--only latency rush")
	@$(BIN)/python -m bench $(ARGS)

.PHONY: eval
eval: $(call stamp,dev) ## how well we understand what parents type (options: ARGS="--file lines.jsonl")
	@$(BIN)/python -m bench.eval $(ARGS)

.PHONY: soak
soak: $(call stamp,dev) ## nothing lost, nothing doubled while processes are killed, about 8 minutes (options: ARGS="--messages 400 --kills 60 --seed 7")
	@$(BIN)/python -m bench.soak $(ARGS)
