# mail/: what every part stands on. It becomes part of libmitigations.
noinst_LTLIBRARIES += libmail.la
libmail_la_SOURCES = \
	mail/arena.c \
	mail/buf.c \
	mail/clock.c \
	mail/fail.c \
	mail/file.c \
	mail/form.c \
	mail/form_describe.c \
	mail/form_render.c \
	mail/log.c \
	mail/message.c \
	mail/mime.c \
	mail/secret.c \
	mail/span.c \
	mail/transfer.c
noinst_HEADERS += mail/form_int.h

# DNS
libmail_la_SOURCES += mail/dns.c mail/dns_int.h mail/dns_line.c mail/dns_record.c mail/dns_unbound.c mail/dns_wire.c mail/dns_zone.c

# Text of header fields.
libmail_la_SOURCES += \
	mail/address.c \
	mail/address_list.c \
	mail/address_scan.c \
	mail/authres.c \
	mail/charset.c \
	mail/date.c \
	mail/encword.c \
	mail/header.c \
	mail/header_params.c \
	mail/idna.c
libmail_la_LIBADD = $(CRYPTO_LIBS) $(UNBOUND_LIBS) $(IDN2_LIBS)

# Headers that libmitigations installs under include/libmitigations/mail/.
mailincludedir = $(includedir)/libmitigations/mail
mailinclude_HEADERS = \
	mail/address.h \
	mail/arena.h \
	mail/authres.h \
	mail/buf.h \
	mail/charset.h \
	mail/clock.h \
	mail/date.h \
	mail/dns.h \
	mail/encword.h \
	mail/fail.h \
	mail/file.h \
	mail/form.h \
	mail/header.h \
	mail/idna.h \
	mail/log.h \
	mail/message.h \
	mail/mime.h \
	mail/secret.h \
	mail/span.h \
	mail/transfer.h

# Globs, for receivers and rules.
libmail_la_SOURCES += mail/glob.c
mailinclude_HEADERS += mail/glob.h

# Networks of clients.
libmail_la_SOURCES += mail/network.c
mailinclude_HEADERS += mail/network.h
