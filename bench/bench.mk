# Benchmark against BuildKit, crane and a shell pipeline. BENCH holds flags, for
# example: make bench BENCH='-case copy -n 3'
.PHONY: bench
bench:
	bench/run $(BENCH)
