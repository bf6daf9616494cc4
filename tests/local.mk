# tests/: unit programs run by make check; each is one file with a row-driven main.
TEST_LIBS = libmitigations_all.la $(CMOCKA_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)
AM_TESTS_ENVIRONMENT = LISTD_TEST_DATA='$(abs_top_srcdir)/tests/data'; export LISTD_TEST_DATA;

# Data, cases (run through listctl explain and render) and system tests are packed by folder and kind: adding to them needs no line here. Where programs are built
# as well, a folder as a whole would take them along.
EXTRA_DIST += tests/data tests/fuzz/seeds tests/fuzz/fuzz_verdict.dict tests/run.sh tests/style.sh tests/valgrind.supp
PACK_TESTS = tests/compare/* tests/cases/*.case tests/cases/*.md tests/cases/*.pem tests/cases/*.py tests/cases/*.sh tests/cases/*.txt tests/cases/*.zone \
	tests/system/*.c tests/system/*.pl tests/system/*.py tests/system/*.sh

# The cases, and the commands on files held to the test data.
TESTS += tests/cases/run.sh tests/cases/data.sh tests/cases/bounces.sh tests/cases/replies.sh tests/compare/run.sh

# Texts that are made from tables.
dist_check_SCRIPTS += tests/generated.sh
TESTS += tests/generated.sh

check_PROGRAMS += tests/unit/test_base
TESTS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(TEST_LIBS)

# listd/: store, settings, replies, control.
LISTD_TEST_LIBS = liblistd.la libmitigations.la $(CMOCKA_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)
check_PROGRAMS += tests/unit/test_reply
TESTS += tests/unit/test_reply
tests_unit_test_reply_SOURCES = tests/unit/test_reply.c
tests_unit_test_reply_LDADD = $(LISTD_TEST_LIBS)
check_PROGRAMS += tests/unit/test_patterns
TESTS += tests/unit/test_patterns
tests_unit_test_patterns_SOURCES = tests/unit/test_patterns.c
tests_unit_test_patterns_LDADD = $(LISTD_TEST_LIBS)
check_PROGRAMS += tests/unit/test_report
TESTS += tests/unit/test_report
tests_unit_test_report_SOURCES = tests/unit/test_report.c
tests_unit_test_report_LDADD = $(LISTD_TEST_LIBS)
check_PROGRAMS += tests/unit/test_verdict
TESTS += tests/unit/test_verdict
tests_unit_test_verdict_SOURCES = tests/unit/test_verdict.c
tests_unit_test_verdict_LDADD = $(LISTD_TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_verdict tests/fuzz/fuzz_patterns
tests_fuzz_fuzz_verdict_SOURCES = tests/fuzz/fuzz_verdict.c
tests_fuzz_fuzz_verdict_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_verdict_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_patterns_SOURCES = tests/fuzz/fuzz_patterns.c
tests_fuzz_fuzz_patterns_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_patterns_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
check_PROGRAMS += tests/unit/test_control
TESTS += tests/unit/test_control
tests_unit_test_control_SOURCES = tests/unit/test_control.c
tests_unit_test_control_LDADD = $(LISTD_TEST_LIBS)
check_PROGRAMS += tests/unit/test_program
TESTS += tests/unit/test_program
tests_unit_test_program_SOURCES = tests/unit/test_program.c
tests_unit_test_program_LDADD = $(LISTD_TEST_LIBS)
check_PROGRAMS += tests/unit/test_settings
TESTS += tests/unit/test_settings
tests_unit_test_settings_SOURCES = tests/unit/test_settings.c
tests_unit_test_settings_LDADD = $(LISTD_TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_settings tests/fuzz/fuzz_record
tests_fuzz_fuzz_settings_SOURCES = tests/fuzz/fuzz_settings.c
tests_fuzz_fuzz_settings_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_settings_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz_record.c
tests_fuzz_fuzz_record_LDADD = $(LISTD_TEST_LIBS) $(DB_LIBS)
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
check_PROGRAMS += tests/unit/test_bounces
TESTS += tests/unit/test_bounces
tests_unit_test_bounces_SOURCES = tests/unit/test_bounces.c
tests_unit_test_bounces_LDADD = $(LISTD_TEST_LIBS)
check_PROGRAMS += tests/unit/test_store
TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(LISTD_TEST_LIBS) $(DB_LIBS)

# messages as bytes and edits, their structure
MESSAGE_TESTS = \
	tests/unit/test_form \
	tests/unit/test_message \
	tests/unit/test_mime \
	tests/unit/test_transfer
check_PROGRAMS += $(MESSAGE_TESTS)
TESTS += $(MESSAGE_TESTS)
tests_unit_test_form_SOURCES = tests/unit/test_form.c
tests_unit_test_form_LDADD = $(TEST_LIBS)
tests_unit_test_message_SOURCES = tests/unit/test_message.c
tests_unit_test_message_LDADD = $(TEST_LIBS)
tests_unit_test_mime_SOURCES = tests/unit/test_mime.c
tests_unit_test_mime_LDADD = $(TEST_LIBS)
tests_unit_test_transfer_SOURCES = tests/unit/test_transfer.c
tests_unit_test_transfer_LDADD = $(TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_form tests/fuzz/fuzz_message tests/fuzz/fuzz_mime tests/fuzz/fuzz_transfer
tests_fuzz_fuzz_form_SOURCES = tests/fuzz/fuzz_form.c
tests_fuzz_fuzz_form_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_form_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c
tests_fuzz_fuzz_message_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_message_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_mime_SOURCES = tests/fuzz/fuzz_mime.c
tests_fuzz_fuzz_mime_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_mime_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_transfer_SOURCES = tests/fuzz/fuzz_transfer.c
tests_fuzz_fuzz_transfer_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_transfer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# DNS
check_PROGRAMS += tests/unit/test_dns
TESTS += tests/unit/test_dns
tests_unit_test_dns_SOURCES = tests/unit/test_dns.c
tests_unit_test_dns_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/unit/test_spf
TESTS += tests/unit/test_spf
tests_unit_test_spf_SOURCES = tests/unit/test_spf.c
tests_unit_test_spf_LDADD = $(TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_zone
tests_fuzz_fuzz_zone_SOURCES = tests/fuzz/fuzz_zone.c
tests_fuzz_fuzz_zone_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_zone_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
noinst_PROGRAMS += tests/fuzz/fuzz_spf
tests_fuzz_fuzz_spf_SOURCES = tests/fuzz/fuzz_spf.c
tests_fuzz_fuzz_spf_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_spf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# text of header fields
TEXT_TESTS = \
	tests/unit/test_address \
	tests/unit/test_authres \
	tests/unit/test_date \
	tests/unit/test_encword \
	tests/unit/test_header \
	tests/unit/test_idna
check_PROGRAMS += $(TEXT_TESTS)
TESTS += $(TEXT_TESTS)
noinst_HEADERS += tests/unit/check.h tests/unit/tsv.h mail/address_int.h
tests_unit_test_address_SOURCES = tests/unit/test_address.c
tests_unit_test_address_LDADD = $(TEST_LIBS)
tests_unit_test_encword_SOURCES = tests/unit/test_encword.c
tests_unit_test_encword_LDADD = $(TEST_LIBS)
tests_unit_test_header_SOURCES = tests/unit/test_header.c
tests_unit_test_header_LDADD = $(TEST_LIBS)
tests_unit_test_idna_SOURCES = tests/unit/test_idna.c
tests_unit_test_idna_LDADD = $(TEST_LIBS)
tests_unit_test_authres_SOURCES = tests/unit/test_authres.c
tests_unit_test_authres_LDADD = $(TEST_LIBS)
tests_unit_test_date_SOURCES = tests/unit/test_date.c
tests_unit_test_date_LDADD = $(TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_address tests/fuzz/fuzz_authres tests/fuzz/fuzz_header
tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c
tests_fuzz_fuzz_address_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_address_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_authres_SOURCES = tests/fuzz/fuzz_authres.c
tests_fuzz_fuzz_authres_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_authres_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_header_SOURCES = tests/fuzz/fuzz_header.c
tests_fuzz_fuzz_header_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# spool, intake, delivery
check_PROGRAMS += tests/unit/test_spool tests/unit/test_journal tests/unit/test_job tests/unit/test_verp
TESTS += tests/unit/test_spool tests/unit/test_journal tests/unit/test_job tests/unit/test_verp
noinst_HEADERS += tests/unit/spool_help.h tests/unit/fault.h
tests_unit_test_spool_SOURCES = tests/unit/test_spool.c
tests_unit_test_spool_LDADD = $(LISTD_TEST_LIBS)
tests_unit_test_journal_SOURCES = tests/unit/test_journal.c
tests_unit_test_journal_LDADD = $(LISTD_TEST_LIBS)
tests_unit_test_job_SOURCES = tests/unit/test_job.c
tests_unit_test_job_LDADD = $(LISTD_TEST_LIBS)
tests_unit_test_verp_SOURCES = tests/unit/test_verp.c
tests_unit_test_verp_LDADD = $(LISTD_TEST_LIBS)

# DMARC, the facts, receivers and rules
FACTS_TESTS = tests/unit/test_dmarc tests/unit/test_facts tests/unit/test_receivers tests/unit/test_receiving tests/unit/test_rules
check_PROGRAMS += $(FACTS_TESTS)
TESTS += $(FACTS_TESTS)
tests_unit_test_facts_SOURCES = tests/unit/test_facts.c
tests_unit_test_facts_LDADD = $(TEST_LIBS)
tests_unit_test_dmarc_SOURCES = tests/unit/test_dmarc.c
tests_unit_test_dmarc_LDADD = $(TEST_LIBS) $(PSL_LIBS)
tests_unit_test_receivers_SOURCES = tests/unit/test_receivers.c
tests_unit_test_receivers_LDADD = $(TEST_LIBS)
tests_unit_test_receiving_SOURCES = tests/unit/test_receiving.c
tests_unit_test_receiving_LDADD = $(TEST_LIBS)
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_LDADD = $(TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_dmarc_record tests/fuzz/fuzz_receivers tests/fuzz/fuzz_rules
tests_fuzz_fuzz_dmarc_record_SOURCES = tests/fuzz/fuzz_dmarc_record.c
tests_fuzz_fuzz_dmarc_record_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_dmarc_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_receivers_SOURCES = tests/fuzz/fuzz_receivers.c
tests_fuzz_fuzz_receivers_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_receivers_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_rules_SOURCES = tests/fuzz/fuzz_rules.c
tests_fuzz_fuzz_rules_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_rules_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# Signatures: canonicalization, keys, DKIM, ARC, signing.
check_PROGRAMS += tests/unit/test_canon tests/unit/test_key tests/unit/test_sign tests/unit/test_dkim tests/unit/test_arc
TESTS += tests/unit/test_canon tests/unit/test_key tests/unit/test_sign tests/unit/test_dkim tests/unit/test_arc
tests_unit_test_canon_SOURCES = tests/unit/test_canon.c
tests_unit_test_canon_LDADD = $(TEST_LIBS)
tests_unit_test_key_SOURCES = tests/unit/test_key.c
tests_unit_test_key_LDADD = $(TEST_LIBS)
tests_unit_test_sign_SOURCES = tests/unit/test_sign.c
tests_unit_test_sign_LDADD = $(TEST_LIBS)
tests_unit_test_dkim_SOURCES = tests/unit/test_dkim.c
tests_unit_test_dkim_LDADD = $(TEST_LIBS)
tests_unit_test_arc_SOURCES = tests/unit/test_arc.c
tests_unit_test_arc_LDADD = $(TEST_LIBS)
noinst_HEADERS += tests/unit/auth_data.h

# strategies, choice, proof
STRATEGY_TESTS = tests/unit/test_alias tests/unit/test_choose tests/unit/test_prove tests/unit/test_seven_bits tests/unit/test_strategies
check_PROGRAMS += $(STRATEGY_TESTS)
TESTS += $(STRATEGY_TESTS)
noinst_HEADERS += tests/unit/post.h
tests_unit_test_alias_SOURCES = tests/unit/test_alias.c
tests_unit_test_alias_LDADD = $(TEST_LIBS)
tests_unit_test_choose_SOURCES = tests/unit/test_choose.c
tests_unit_test_choose_LDADD = $(TEST_LIBS)
tests_unit_test_prove_SOURCES = tests/unit/test_prove.c
tests_unit_test_prove_LDADD = $(TEST_LIBS)
tests_unit_test_seven_bits_SOURCES = tests/unit/test_seven_bits.c
tests_unit_test_seven_bits_LDADD = $(TEST_LIBS)
tests_unit_test_strategies_SOURCES = tests/unit/test_strategies.c
tests_unit_test_strategies_LDADD = $(TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_strategies
tests_fuzz_fuzz_strategies_SOURCES = tests/fuzz/fuzz_strategies.c
tests_fuzz_fuzz_strategies_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_strategies_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# Strategies compared.
COMPARE_TESTS = tests/unit/test_compare tests/unit/test_described tests/unit/test_models
check_PROGRAMS += $(COMPARE_TESTS)
TESTS += $(COMPARE_TESTS)
tests_unit_test_compare_SOURCES = tests/unit/test_compare.c
tests_unit_test_compare_LDADD = $(TEST_LIBS)
tests_unit_test_described_SOURCES = tests/unit/test_described.c
tests_unit_test_described_LDADD = $(TEST_LIBS)
tests_unit_test_models_SOURCES = tests/unit/test_models.c
tests_unit_test_models_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/unit/test_stored
TESTS += tests/unit/test_stored
tests_unit_test_stored_SOURCES = tests/unit/test_stored.c
tests_unit_test_stored_LDADD = $(LISTD_TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_described tests/fuzz/fuzz_models tests/fuzz/fuzz_stored
tests_fuzz_fuzz_described_SOURCES = tests/fuzz/fuzz_described.c
tests_fuzz_fuzz_described_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_described_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_models_SOURCES = tests/fuzz/fuzz_models.c
tests_fuzz_fuzz_models_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_models_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_stored_SOURCES = tests/fuzz/fuzz_stored.c
tests_fuzz_fuzz_stored_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_stored_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# LMTP server
check_PROGRAMS += tests/unit/test_lmtp
TESTS += tests/unit/test_lmtp
tests_unit_test_lmtp_SOURCES = tests/unit/test_lmtp.c
noinst_HEADERS += tests/unit/lmtp_help.h
tests_unit_test_lmtp_LDADD = $(LISTD_TEST_LIBS)
EXTRA_PROGRAMS += tests/bench/bench_lmtp
tests_bench_bench_lmtp_SOURCES = tests/bench/bench_lmtp.c
tests_bench_bench_lmtp_LDADD = $(LISTD_TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_lmtp
tests_fuzz_fuzz_lmtp_SOURCES = tests/fuzz/fuzz_lmtp.c
tests_fuzz_fuzz_lmtp_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_lmtp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
# the whole route, in a world without daemon and store
check_PROGRAMS += tests/unit/test_route
TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c tests/unit/fake_world.h
tests_unit_test_route_LDADD = $(LISTD_TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_route
tests_fuzz_fuzz_route_SOURCES = tests/fuzz/fuzz_route.c tests/unit/fake_world.h
tests_fuzz_fuzz_route_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_route_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
# measuring: built with the rest of the tests, run by hand
check_PROGRAMS += tests/bench/sink tests/bench/pump tests/bench/poster tests/bench/deliver tests/bench/fsyncrate
dist_check_SCRIPTS += tests/bench/run.sh
EXTRA_DIST += tests/bench/measure.py
noinst_HEADERS += tests/bench/bench.h
tests_bench_sink_SOURCES = tests/bench/sink.c
tests_bench_pump_SOURCES = tests/bench/pump.c
tests_bench_poster_SOURCES = tests/bench/poster.c
tests_bench_deliver_SOURCES = tests/bench/deliver.c
tests_bench_deliver_LDADD = $(LISTD_TEST_LIBS)
tests_bench_fsyncrate_SOURCES = tests/bench/fsyncrate.c
tests_bench_fsyncrate_LDADD = $(LISTD_TEST_LIBS)

# relay sessions
check_PROGRAMS += tests/unit/test_smtp tests/unit/test_delivery
TESTS += tests/unit/test_smtp tests/unit/test_delivery
noinst_HEADERS += tests/unit/fake_relay.h
tests_unit_test_smtp_SOURCES = tests/unit/test_smtp.c
tests_unit_test_smtp_LDADD = $(LISTD_TEST_LIBS) $(SSL_LIBS)
tests_unit_test_delivery_SOURCES = tests/unit/test_delivery.c
tests_unit_test_delivery_LDADD = $(LISTD_TEST_LIBS) $(SSL_LIBS)

# Second forms, and what refusals teach
check_PROGRAMS += tests/unit/test_fallback tests/unit/test_learn tests/unit/test_work
TESTS += tests/unit/test_fallback tests/unit/test_learn tests/unit/test_work
tests_unit_test_learn_SOURCES = tests/unit/test_learn.c
tests_unit_test_learn_LDADD = $(LISTD_TEST_LIBS) $(SSL_LIBS)
noinst_HEADERS += tests/unit/fake_daemon.h
tests_unit_test_fallback_SOURCES = tests/unit/test_fallback.c
tests_unit_test_fallback_LDADD = $(LISTD_TEST_LIBS) $(SSL_LIBS)
tests_unit_test_work_SOURCES = tests/unit/test_work.c
tests_unit_test_work_LDADD = $(LISTD_TEST_LIBS) $(SSL_LIBS)

# Signatures against other implementations, fuzzed, measured
check_PROGRAMS += tests/system/signtool
TESTS += tests/system/dkim_peers.sh
tests_system_signtool_SOURCES = tests/system/signtool.c
tests_system_signtool_LDADD = $(TEST_LIBS)
EXTRA_DIST += tests/system/dkim_peers.sh tests/system/dkim_peers.py tests/system/dkim_peers.pl
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_dkim_verify tests/fuzz/fuzz_arc tests/fuzz/fuzz_tags
tests_fuzz_fuzz_dkim_verify_SOURCES = tests/fuzz/fuzz_dkim_verify.c
tests_fuzz_fuzz_dkim_verify_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_dkim_verify_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_arc_SOURCES = tests/fuzz/fuzz_arc.c
tests_fuzz_fuzz_arc_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_arc_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_tags_SOURCES = tests/fuzz/fuzz_tags.c
tests_fuzz_fuzz_tags_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_tags_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
noinst_HEADERS += tests/fuzz/fuzz_zone_fixed.h
check_PROGRAMS += tests/bench/bench_signatures
tests_bench_bench_signatures_SOURCES = tests/bench/bench_signatures.c
tests_bench_bench_signatures_LDADD = $(TEST_LIBS)
# spool and delivery
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_verp tests/fuzz/fuzz_smtp_reply tests/fuzz/fuzz_spool_trailer tests/fuzz/fuzz_wire tests/fuzz/fuzz_journal tests/fuzz/fuzz_job
tests_fuzz_fuzz_verp_SOURCES = tests/fuzz/fuzz_verp.c
tests_fuzz_fuzz_verp_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_verp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_smtp_reply_SOURCES = tests/fuzz/fuzz_smtp_reply.c
tests_fuzz_fuzz_smtp_reply_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_smtp_reply_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz_journal.c
tests_fuzz_fuzz_journal_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_journal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_job_SOURCES = tests/fuzz/fuzz_job.c
tests_fuzz_fuzz_job_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_job_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_spool_trailer_SOURCES = tests/fuzz/fuzz_spool_trailer.c
tests_fuzz_fuzz_spool_trailer_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_spool_trailer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c
tests_fuzz_fuzz_wire_LDADD = $(LISTD_TEST_LIBS)
tests_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# The milter: its keyed field.
check_PROGRAMS += tests/unit/test_keyed
TESTS += tests/unit/test_keyed
tests_unit_test_keyed_SOURCES = tests/unit/test_keyed.c
tests_unit_test_keyed_LDADD = $(TEST_LIBS)
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_keyed
tests_fuzz_fuzz_keyed_SOURCES = tests/fuzz/fuzz_keyed.c
tests_fuzz_fuzz_keyed_LDADD = $(TEST_LIBS)
tests_fuzz_fuzz_keyed_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif

# What is asked at RCPT.
check_PROGRAMS += tests/unit/test_rcpt
TESTS += tests/unit/test_rcpt
tests_unit_test_rcpt_SOURCES = tests/unit/test_rcpt.c
tests_unit_test_rcpt_LDADD = $(LISTD_TEST_LIBS) $(DB_LIBS)
