# docs/
EXTRA_DIST += docs/dmarc.md
EXTRA_DIST += docs/strategies.md
# docs/: manual pages and pages for administrators and developers.
dist_man_MANS += docs/listd.8 docs/listctl.1 docs/listd.conf.5
EXTRA_DIST += docs/ARCHITECTURE.md docs/administration.md
