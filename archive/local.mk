# archive/: accepted posts, kept.
noinst_LTLIBRARIES += libarchive_mail.la
libarchive_mail_la_SOURCES = archive/maildir.c
noinst_HEADERS += archive/maildir.h
