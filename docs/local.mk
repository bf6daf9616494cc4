# docs/: manual pages, and pages for administrators and developers.
dist_man_MANS += docs/listd.8 docs/listd-milter.8 docs/listctl.1 docs/listd.conf.5
dist_doc_DATA = README.md docs/ARCHITECTURE.md docs/administration.md docs/bounces.md docs/dmarc.md docs/fallback.md docs/measuring.md docs/milter.md docs/strategies.md

# Samples and manual pages that are made from tables; tests/generated.sh compares them.
EXTRA_DIST += docs/generate.sh docs/commands.awk docs/listd.8.in docs/listctl.1.in
docs-update: listd/gendoc$(EXEEXT) listctl$(EXEEXT)
	sh $(srcdir)/docs/generate.sh . $(srcdir) $(srcdir)
.PHONY: docs-update

# What strategies do, before anything is changed.
dist_doc_DATA += docs/compare.md docs/inboxes.md
