# docs/
EXTRA_DIST += docs/dmarc.md
