# listd/: the server and its command. liblistd.la holds all but the mains, so that tests and programs link what they use of it.
noinst_LTLIBRARIES += liblistd.la
liblistd_la_SOURCES = \
	listd/event.c \
	listd/reply.c
liblistd_la_LIBADD = libmitigations.la $(DB_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS) $(PCRE2_LIBS) $(SSL_LIBS) $(SYSTEMD_LIBS)

noinst_HEADERS += \
	listd/control/control.h \
	listd/daemon.h \
	listd/delivery/delivery.h \
	listd/delivery/verp.h \
	listd/event.h \
	listd/intake/lmtp.h \
	listd/reply.h \
	listd/settings.h \
	listd/spool/job.h \
	listd/spool/spool.h \
	listd/store/store.h

# settings
liblistd_la_SOURCES += \
	listd/known_lists.c \
	listd/settings.c \
	listd/settings_cache.c \
	listd/settings_check.c \
	listd/settings_read.c \
	listd/settings_scan.c \
	listd/settings_tables.c \
	listd/settings_value.c \
	listd/settings_write.c
noinst_HEADERS += listd/known_lists.h listd/settings_cache.h listd/settings_int.h

# store
liblistd_la_SOURCES += \
	listd/store/record.c \
	listd/store/store_bdb.c \
	listd/store/store_bounces.c \
	listd/store/store_figures.c \
	listd/store/store_holds.c \
	listd/store/store_learnt.c \
	listd/store/store_lists.c \
	listd/store/store_members.c \
	listd/store/store_misc.c \
	listd/store/store_purge.c \
	listd/store/store_rows.c \
	listd/store/store_seconds.c \
	listd/store/store_tallies.c
noinst_HEADERS += \
	listd/store/record.h \
	listd/store/store_int.h

# spool, intake, delivery
liblistd_la_SOURCES += \
	listd/delivery/delivery.c \
	listd/delivery/queue.c \
	listd/delivery/session.c \
	listd/delivery/smtp.c \
	listd/delivery/smtp_connect.c \
	listd/delivery/smtp_io.c \
	listd/delivery/smtp_reply.c \
	listd/delivery/transaction.c \
	listd/delivery/verp.c \
	listd/delivery/wire.c \
	listd/spool/job.c \
	listd/spool/job_kept.c \
	listd/spool/job_read.c \
	listd/spool/job_writer.c \
	listd/spool/journal.c \
	listd/spool/spool.c \
	listd/spool/spool_trailer.c \
	listd/spool/spool_settle.c \
	listd/spool/spool_try.c \
	listd/spool/spool_writer.c
noinst_HEADERS += \
	listd/delivery/delivery_int.h \
	listd/delivery/smtp.h \
	listd/delivery/smtp_int.h \
	listd/delivery/transaction.h \
	listd/delivery/wire.h \
	listd/spool/job_int.h \
	listd/spool/journal.h \
	listd/spool/spool_int.h
# Control.
liblistd_la_SOURCES += \
	listd/control/control.c \
	listd/control/control_client.c \
	listd/control/control_fail.c \
	listd/control/control_stream.c \
	listd/control/verbs.c \
	listd/control/verbs_archive.c \
	listd/control/verbs_bounces.c \
	listd/control/verbs_explain.c \
	listd/control/csv.c \
	listd/control/verbs_held.c \
	listd/control/verbs_import.c \
	listd/control/verbs_key.c \
	listd/control/verbs_kit.c \
	listd/control/verbs_list.c \
	listd/control/verbs_member.c \
	listd/control/verbs_milter.c \
	listd/control/verbs_mta.c \
	listd/control/verbs_receivers.c \
	listd/control/verbs_site.c
noinst_HEADERS += \
	listd/control/control_client.h \
	listd/control/control_stream.h \
	listd/control/csv.h \
	listd/control/verbs_bounces.h \
	listd/control/verbs_list.h \
	listd/control/verbs_member.h \
	listd/control/verbs_milter.h \
	listd/control/verbs_receivers.h \
	listd/control/verbs_site.h

# What comes with listd, as texts within it.
liblistd_la_SOURCES += listd/shipped.c
nodist_liblistd_la_SOURCES = listd/shipped_texts.c
noinst_HEADERS += listd/shipped.h
SHIPPED_TABLES = $(top_srcdir)/conf/receivers.conf $(top_srcdir)/conf/bounce.patterns $(top_srcdir)/conf/compare.receivers
listd/shipped_texts.c: $(SHIPPED_TABLES) $(top_srcdir)/listd/shipped.awk
	$(AM_V_GEN)$(MKDIR_P) listd && LC_ALL=C awk -f $(top_srcdir)/listd/shipped.awk $(SHIPPED_TABLES) > $@.tmp && mv $@.tmp $@
EXTRA_DIST += listd/shipped.awk
CLEANFILES += listd/shipped_texts.c

# Bounces.
liblistd_la_SOURCES += \
	listd/bounce/bounce.c \
	listd/bounce/class.c \
	listd/bounce/codes.c \
	listd/bounce/fallback.c \
	listd/bounce/fallback_make.c \
	listd/bounce/figures.c \
	listd/bounce/learn.c \
	listd/bounce/learn_apply.c \
	listd/bounce/learn_note.c \
	listd/bounce/owners.c \
	listd/bounce/patterns.c \
	listd/bounce/report_blocks.c \
	listd/bounce/report_lines.c \
	listd/bounce/returned.c \
	listd/bounce/sent.c \
	listd/bounce/steps.c \
	listd/bounce/tally.c \
	listd/bounce/tender.c \
	listd/bounce/verdict.c \
	listd/bounce/verdict_arf.c \
	listd/bounce/verdict_auto.c \
	listd/bounce/verdict_dsn.c \
	listd/bounce/verdict_json.c \
	listd/bounce/verdict_reply.c \
	listd/bounce/verdict_text.c
noinst_HEADERS += \
	listd/bounce/bounce.h \
	listd/bounce/class.h \
	listd/bounce/codes.h \
	listd/bounce/fallback.h \
	listd/bounce/fallback_int.h \
	listd/bounce/figures.h \
	listd/bounce/learn.h \
	listd/bounce/learn_int.h \
	listd/bounce/owners.h \
	listd/bounce/patterns.h \
	listd/bounce/report_blocks.h \
	listd/bounce/returned.h \
	listd/bounce/sent.h \
	listd/bounce/steps.h \
	listd/bounce/tally.h \
	listd/bounce/tender.h \
	listd/bounce/verdict.h \
	listd/bounce/verdict_int.h

# The route, the daemon.
liblistd_la_SOURCES += \
	listd/daemon.c \
	listd/fatal.c \
	listd/json_text.c \
	listd/people/notice.c \
	listd/people/reject.c \
	listd/people/template.c \
	listd/program.c \
	listd/post/commit.c \
	listd/post/daemon_delivery.c \
	listd/post/daemon_world.c \
	listd/post/explain.c \
	listd/post/explain_call.c \
	listd/post/explain_text.c \
	listd/post/header_rules.c \
	listd/post/identity.c \
	listd/post/notes.c \
	listd/post/post.c \
	listd/post/rate.c \
	listd/post/rcpt.c \
	listd/post/route.c \
	listd/post/shape_footer.c \
	listd/post/stage_admit.c \
	listd/post/stage_authenticate.c \
	listd/post/stage_choose.c \
	listd/post/stage_classify.c \
	listd/post/stage_loop.c \
	listd/post/stage_moderate.c \
	listd/post/stage_shape.c \
	listd/unix_socket.c \
	listd/post/judged.c \
	listd/publish.c \
	listd/work.c \
	listd/workers.c
liblistd_la_LIBADD += libarchive_mail.la
noinst_HEADERS += \
	listd/json_text.h \
	listd/listd.h \
	listd/people/notice.h \
	listd/people/reject.h \
	listd/people/template.h \
	listd/program.h \
	listd/post/commit.h \
	listd/post/daemon_world.h \
	listd/post/explain.h \
	listd/post/explain_call.h \
	listd/post/identity.h \
	listd/post/header_rules.h \
	listd/post/identity.h \
	listd/post/notes.h \
	listd/post/post.h \
	listd/post/rate.h \
	listd/post/rcpt.h \
	listd/post/route.h \
	listd/post/shape_footer.h \
	listd/unix_socket.h \
	listd/post/judged.h \
	listd/fatal.h \
	listd/workers.h \
	listd/workers_int.h

# Comparisons.
liblistd_la_SOURCES += \
	listd/compare/compared.c \
	listd/compare/corpus.c \
	listd/compare/jobs.c \
	listd/compare/output.c \
	listd/compare/output_html.c \
	listd/compare/output_json.c \
	listd/compare/output_markdown.c \
	listd/compare/output_suite.c \
	listd/compare/output_table.c \
	listd/compare/recorded.c \
	listd/compare/stored.c \
	listd/compare/sums.c
noinst_HEADERS += \
	listd/compare/compared.h \
	listd/compare/corpus.h \
	listd/compare/jobs.h \
	listd/compare/output.h \
	listd/compare/recorded.h \
	listd/compare/stored.h \
	listd/compare/sums.h

# The command.
bin_PROGRAMS += listctl
listctl_SOURCES = \
	listd/listctl.c \
	listd/listctl/args.c \
	listd/listctl/bounces.c \
	listd/listctl/client.c \
	listd/listctl/commands.c \
	listd/listctl/compare.c \
	listd/listctl/compare.h \
	listd/listctl/compare_go.c \
	listd/listctl/compare_load.c \
	listd/listctl/compare_matrix.c \
	listd/listctl/whatif.c \
	listd/listctl/whatif.h \
	listd/listctl/whatif_load.c \
	listd/listctl/whatif_show.c \
	listd/listctl/help.c \
	listd/listctl/list.c \
	listd/listctl/listctl.h \
	listd/listctl/members.c \
	listd/listctl/offline.c \
	listd/listctl/offline.h \
	listd/listctl/offline_auth.c \
	listd/listctl/offline_bounce.c \
	listd/listctl/offline_explain.c \
	listd/listctl/offline_mail.c \
	listd/listctl/settings.c \
	listd/listctl/show.c \
	listd/listctl/site.c
listctl_LDADD = liblistd.la libmitigations.la $(JANSSON_LIBS) $(CRYPTO_LIBS)

# Prints what is made from tables.
noinst_PROGRAMS += listd/gendoc
listd_gendoc_SOURCES = listd/gendoc.c
listd_gendoc_LDADD = liblistd.la


# LMTP server
liblistd_la_SOURCES += \
	listd/intake/lmtp.c \
	listd/intake/lmtp_channel.c \
	listd/intake/lmtp_command.c \
	listd/intake/lmtp_data.c \
	listd/intake/lmtp_session.c \
	listd/intake/lmtp_transaction.c \
	listd/intake/lmtp_xforward.c
noinst_HEADERS += listd/intake/lmtp_int.h

# The daemon.
sbin_PROGRAMS += listd/listd
listd_listd_SOURCES = listd/listd.c
listd_listd_LDADD = liblistd.la

# The milter: its modules, and the program.
noinst_LTLIBRARIES += liblistd_milter.la
liblistd_milter_la_SOURCES = \
	listd/intake/milter.c \
	listd/intake/milter_ask.c \
	listd/intake/milter_content.c \
	listd/intake/milter_judge.c \
	listd/intake/milter_known.c \
	listd/intake/milter_receiver.c \
	listd/intake/milter_session.c
liblistd_milter_la_LIBADD = liblistd.la $(MILTER_LIBS)
noinst_HEADERS += listd/intake/milter.h listd/intake/milter_int.h
sbin_PROGRAMS += listd/listd-milter
listd_listd_milter_SOURCES = listd/listd_milter.c
listd_listd_milter_LDADD = liblistd_milter.la
