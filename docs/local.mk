# docs/
EXTRA_DIST += docs/dmarc.md
EXTRA_DIST += docs/strategies.md
