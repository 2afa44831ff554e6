# Short names for what the scripts do.
.PHONY: run test all-tests benchmark benchmark-quick docs gallery

run:
	./run

test:
	./test

all-tests:
	./test --all

# Installs each peer into an environment of its own and runs everything; hours. Writes docs/benchmarks.md.
benchmark:
	.venv/bin/python benchmarks/suite.py

benchmark-quick:
	.venv/bin/python benchmarks/suite.py --quick

docs:
	.venv/bin/python -m mkdocs build

gallery:
	.venv/bin/python scripts/gallery.py
