# libmitigations: what the world will think of a post, and what can be done about it.
# All of it, for unit tests and fuzz targets, which look inside.
noinst_LTLIBRARIES += libmitigations_all.la
libmitigations_all_la_SOURCES =
libmitigations_all_la_LIBADD = libmail.la $(OPENDKIM_LIBS) $(SPF_LIBS) $(PSL_LIBS) $(CRYPTO_LIBS) $(UNBOUND_LIBS) $(IDN2_LIBS)

# What is installed exports what its headers declare, and nothing else; its own calls stay inside, whatever names a program has.
lib_LTLIBRARIES += libmitigations.la
libmitigations_la_SOURCES =
libmitigations_la_LIBADD = libmitigations_all.la
libmitigations_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined -Wl,-Bsymbolic-functions -export-symbols mitigations/libmitigations.sym
EXTRA_libmitigations_la_DEPENDENCIES = mitigations/libmitigations.sym
mitigations/libmitigations.sym: mitigations/exports.awk $(mailinclude_HEADERS) $(mitigationsinclude_HEADERS) $(authinclude_HEADERS) $(compareinclude_HEADERS)
	$(AM_V_GEN)$(MKDIR_P) mitigations && LC_ALL=C awk -f $^ > $@.tmp && mv $@.tmp $@
EXTRA_DIST += mitigations/exports.awk
CLEANFILES += mitigations/libmitigations.sym
# SPF and the names of results.
libmitigations_all_la_SOURCES += \
	mitigations/auth/result.c \
	mitigations/auth/spf.c \
	mitigations/auth/spf_eval.c \
	mitigations/auth/spf_guard.c \
	mitigations/auth/spf_macro.c \
	mitigations/auth/spf_syntax.c
noinst_HEADERS += mitigations/auth/spf_int.h

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = mitigations/libmitigations.pc

# Headers that are installed under include/libmitigations/mitigations/.
mitigationsincludedir = $(includedir)/libmitigations/mitigations
mitigationsinclude_HEADERS = \
	mitigations/alias.h \
	mitigations/choose.h \
	mitigations/key.h \
	mitigations/prove.h \
	mitigations/receivers.h \
	mitigations/receiving.h \
	mitigations/rules.h \
	mitigations/sign.h \
	mitigations/strategy.h
authincludedir = $(mitigationsincludedir)/auth
authinclude_HEADERS = \
	mitigations/auth/arc.h \
	mitigations/auth/canon.h \
	mitigations/auth/dkim.h \
	mitigations/auth/dmarc.h \
	mitigations/auth/facts.h \
	mitigations/auth/keyed.h \
	mitigations/auth/result.h \
	mitigations/auth/spf.h
compareincludedir = $(mitigationsincludedir)/compare
compareinclude_HEADERS = \
	mitigations/compare/compare.h \
	mitigations/compare/described.h \
	mitigations/compare/models.h

# Strategies, and their choice and proof.
libmitigations_all_la_SOURCES += \
	mitigations/alias.c \
	mitigations/choose.c \
	mitigations/prove.c \
	mitigations/strategies/allowlist.c \
	mitigations/strategies/none.c \
	mitigations/strategies/passthrough.c \
	mitigations/strategies/reencode.c \
	mitigations/strategies/refuse.c \
	mitigations/strategies/repair.c \
	mitigations/strategies/replies.c \
	mitigations/strategies/reseal.c \
	mitigations/strategies/rewrite.c \
	mitigations/strategies/survive.c \
	mitigations/strategies/table.c \
	mitigations/strategies/via.c \
	mitigations/strategies/wrap.c
noinst_HEADERS += mitigations/strategies/strategies_int.h

# DMARC, the facts, receivers and rules.
libmitigations_all_la_SOURCES += \
	mitigations/auth/dmarc_discover.c \
	mitigations/auth/dmarc_evaluate.c \
	mitigations/auth/dmarc_org.c \
	mitigations/auth/dmarc_record.c \
	mitigations/auth/facts.c \
	mitigations/auth/facts_authres.c \
	mitigations/auth/facts_own.c \
	mitigations/auth/facts_recorded.c \
	mitigations/auth/keyed.c \
	mitigations/receivers.c \
	mitigations/receiving.c \
	mitigations/rules.c
noinst_HEADERS += mitigations/auth/dmarc_int.h mitigations/auth/facts_int.h

# Signatures: keys, DKIM, ARC, signing.
libmitigations_all_la_SOURCES += \
	mitigations/auth/arc.c \
	mitigations/auth/arc_seal.c \
	mitigations/auth/canon.c \
	mitigations/auth/dkim.c \
	mitigations/auth/dkim_library.c \
	mitigations/auth/draft.c \
	mitigations/auth/gaps.c \
	mitigations/auth/pubkey.c \
	mitigations/auth/pubkey_rsa.c \
	mitigations/auth/signature.c \
	mitigations/key.c \
	mitigations/keyring.c \
	mitigations/sign.c
noinst_HEADERS += \
	mitigations/auth/arc_int.h \
	mitigations/auth/dkim_library.h \
	mitigations/auth/draft.h \
	mitigations/auth/gaps.h \
	mitigations/auth/pubkey.h \
	mitigations/auth/signature.h

# Strategies compared: modelled receivers, described posts, and what becomes of each post with each strategy at each receiver.
libmitigations_all_la_SOURCES += \
	mitigations/compare/compare.c \
	mitigations/compare/compare_blame.c \
	mitigations/compare/compare_measure.c \
	mitigations/compare/described.c \
	mitigations/compare/described_make.c \
	mitigations/compare/models.c \
	mitigations/compare/shapes.c
noinst_HEADERS += mitigations/compare/compare_int.h
