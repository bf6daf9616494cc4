/* SPDX-License-Identifier: BSD-2-Clause */
/* Every command. A new one is a row here, and a verb of the daemon (listd/control) or a function of its own. */
#include "listd/listctl/listctl.h"
#include "listd/listctl/offline.h"

const struct listctl_command listctl_commands[] = {
	{ .name = "lists", .usage = "", .help = "show all lists", .verb = "list all",
		.columns = { { "LIST", "list", SHOW_TEXT }, { "MEMBERS", "members", SHOW_NUMBER }, { "STRATEGY", "strategy", SHOW_TEXT }, { "DESCRIPTION", "description", SHOW_TEXT } } },
	{ .name = "list create", .usage = "LIST --owner ADDRESS... [--from FILE] [NAME=VALUE...]", .help = "make a list, and a signing key for a domain that has none",
		.verb = "list create", .takes = "list settings=",
		.options = { { "owner", "ADDRESS", "owners", OPTION_REPEATS, "who runs it; can be given several times" },
			{ "from", "FILE", NULL, OPTION_FILE, "settings to begin with, as list dump prints them" } }, .run = listctl_list_create,
		.done = "the list {list} is there. Next: listctl members add {list} ADDRESS...",
		.more = "LIST is the address to post to. Settings are given as NAME=VALUE; listctl settings shows\n"
			"those there are. What is given here goes before what FILE says: its owners are taken where no\n"
			"--owner is given, its address never is. The mail server must hand over mail for the list, see\n"
			"listctl help mta.\n\n"
			"  listctl list create birds@lists.example.org --owner ann@example.org subject-tag=[birds]\n"
			"  listctl list dump birds | listctl list create fish@lists.example.org --from - subject-tag=[fish]" },
	{ .name = "list delete", .usage = "LIST [--yes]", .help = "delete a list with its members and held posts", .verb = "list delete", .takes = "list",
		.options = { { "yes", NULL, NULL, OPTION_ONE, "do not ask" } }, .done = "{list} is deleted", .run = listctl_list_delete },
	{ .name = "list rename", .usage = "LIST NEW-ADDRESS", .help = "give a list another address", .verb = "list rename", .takes = "list to",
		.done = "the list is {list} now, and gets what is sent to its old address too; the mail server must know both",
		.more = "Members, held posts and settings stay. The List-Id changes with the address unless the\nsetting list-id keeps it; readers' filters go by it." },
	{ .name = "list show", .usage = "LIST [NAME]", .help = "show a list's settings, or the value of one", .verb = "list show", .takes = "list name?", .run = listctl_list_show },
	{ .name = "list set", .usage = "LIST NAME VALUE | LIST NAME=VALUE... | LIST --default NAME", .help = "change settings of a list", .verb = "list set",
		.takes = "list settings=", .options = { { "default", "NAME", "defaults", OPTION_REPEATS, "back to the default" } }, .done = "{list} is changed",
		.more = "Several values, such as owners, are separated by commas or blanks.\n\n"
			"  listctl list set birds@lists.example.org strategy=rewrite footer=\"The birds list\"" },
	{ .name = "list dump", .usage = "LIST [--all]", .help = "print a list's settings as a file", .verb = "list dump", .takes = "list",
		.options = { { "all", NULL, NULL, OPTION_ONE, "also those that are the default" } } },
	{ .name = "list load", .usage = "LIST [FILE]", .help = "replace a list's settings by those of a file", .verb = "list load", .takes = "list @",
		.done = "the settings of {list} are loaded",
		.more = "FILE is as list dump prints it; without one, or with -, standard input is read. Settings\nthat it does not name get their default." },

	{ .name = "members add", .usage = "LIST ADDRESS...", .help = "add members", .verb = "members add", .takes = "list +", .run = listctl_members_add,
		.done = "{list}: {added} added, {existing} were members already, {bad_count} left out", .more = "An address may be given as \"Name <address>\"." },
	{ .name = "members remove", .usage = "LIST ADDRESS...", .help = "remove members", .verb = "members remove", .takes = "list +", .done = "{list}: {removed} removed" },
	{ .name = "members list", .usage = "LIST [--delivery STATE] [--match PATTERN]", .help = "show members", .verb = "members list", .takes = "list",
		.options = { { "delivery", "STATE", NULL, OPTION_ONE, "on, off, off-by-member, off-by-admin or off-by-bounces" },
			{ "match", "PATTERN", NULL, OPTION_ONE, "addresses such as *@example.org" } },
		.columns = { { "ADDRESS", "address", SHOW_TEXT }, { "DELIVERY", "delivery", SHOW_TEXT }, { "SINCE", "since", SHOW_DATE }, { "JOINED", "joined", SHOW_DATE },
			{ "NAME", "name", SHOW_TEXT }, { "REASON", "reason", SHOW_TEXT } } },
	{ .name = "members import", .usage = "LIST [FILE]", .help = "add members from a file or standard input", .verb = "members import", .takes = "list @",
		.run = listctl_members_add, .done = "{list}: {added} added, {existing} were members already, {bad_count} lines left out",
		.more = "A line is an address, or Name <address>, or a row of a table (CSV) whose first line names its\n"
			"columns: address or email, name, delivery, joined, reason, skip-addressed, moderated,\n"
			"not-own-posts, digest; others are passed over. Members that are there already stay as they are.\n"
			"Lines that are not understood are told and left out; the exit code is 65 then." },
	{ .name = "members export", .usage = "LIST [--format addresses|names|csv]", .help = "print members as lines", .verb = "members list", .takes = "list",
		.options = { { "format", "FORMAT", NULL, OPTION_ONE, "addresses (the default), names (Name <address>) or csv (all there is)" } }, .run = listctl_members_export },
	{ .name = "member show", .usage = "ADDRESS", .help = "show the lists of an address, its options there, and its bounces", .verb = "member show", .takes = "address",
		.run = listctl_member_show,
		.columns = { { "LIST", "list", SHOW_TEXT }, { "ADDRESS", "address", SHOW_TEXT }, { "DELIVERY", "delivery", SHOW_TEXT }, { "SINCE", "since", SHOW_DATE },
			{ "JOINED", "joined", SHOW_DATE }, { "OPTIONS", "flags", SHOW_TEXT }, { "REASON", "reason", SHOW_TEXT } } },
	{ .name = "member set", .usage = "LIST ADDRESS NAME VALUE | LIST ADDRESS NAME=VALUE...", .help = "change options of a member", .verb = "member set",
		.takes = "list address settings=", .done = "{address} is changed",
		.more = "Options: delivery (on or off), name, skip-addressed, moderated, not-own-posts, digest.\nWith delivery on, what was noted of bounces is forgotten." },

	{ .name = "held list", .usage = "[LIST]", .help = "show posts that wait for a moderator", .verb = "held list", .takes = "list?",
		.columns = { { "ID", "id", SHOW_TEXT }, { "LIST", "list", SHOW_TEXT }, { "SINCE", "since", SHOW_DATE }, { "SIZE", "bytes", SHOW_BYTES }, { "FROM", "from", SHOW_TEXT },
			{ "SUBJECT", "subject", SHOW_TEXT }, { "REASON", "reason", SHOW_TEXT } } },
	{ .name = "held show", .usage = "ID", .help = "show a held post", .verb = "held show", .takes = "id" },
	{ .name = "held accept", .usage = "ID", .help = "send a held post to the list", .verb = "held accept", .takes = "id", .done = "it goes to {list} as {id}" },
	{ .name = "held reject", .usage = "ID [--reason TEXT]", .help = "drop a held post and tell its author", .verb = "held reject", .takes = "id",
		.options = { { "reason", "TEXT", NULL, OPTION_ONE, "what the author is to know" } }, .done = "{id} is dropped; {told}",
		.more = "The author is told only where that cannot hit anybody else: not if nothing shows that the post\ncomes from him, nor if a program sent it." },
	{ .name = "held discard", .usage = "ID", .help = "drop a held post", .verb = "held discard", .takes = "id", .done = "{id} is dropped" },

	{ .name = "bounces", .usage = "LIST", .help = "show whose mail comes back, and what refusals were for", .verb = "bounces", .takes = "list", .run = listctl_bounces,
		.more = "DEAD and OTHER are the days on which copies came back from a dead mailbox, and from a full or\n"
			"unreachable one. NEXT is when the next step is due. listctl member show tells more of one." },
	{ .name = "report", .usage = "[LIST] [--days N]", .help = "show posts, strategies, refusals and suspensions", .verb = "report", .takes = "list?", .run = listctl_report,
		.options = { { "days", "N", NULL, OPTION_NUMBER, "of the last N days, today included; 7 without it, 100 at most" } } },

	{ .name = "key make", .usage = "DOMAIN SELECTOR [--algorithm rsa|ed25519] [--bits N]", .help = "make a signing key and print the record to publish", .verb = "key make",
		.takes = "domain selector", .done = "The key is in use. Publish this record in DNS:\n\n{record}",
		.options = { { "algorithm", "NAME", NULL, OPTION_ONE, "rsa (the default) or ed25519" }, { "bits", "N", NULL, OPTION_NUMBER, "size of an RSA key, 2048 to 4096" } },
		.more = "SELECTOR names the key within the domain: small letters, digits and hyphens, such as 2026a." },
	{ .name = "key import", .usage = "DOMAIN SELECTOR [FILE]", .help = "take over a signing key (PEM)", .verb = "key import", .takes = "domain selector @",
		.done = "The key is in use. DNS must have this record:\n\n{record}" },
	{ .name = "key list", .usage = "[DOMAIN]", .help = "show signing keys, and whether DNS has them", .verb = "key list", .takes = "domain?",
		.columns = { { "DOMAIN", "domain", SHOW_TEXT }, { "SELECTOR", "selector", SHOW_TEXT }, { "ALGORITHM", "algorithm", SHOW_TEXT }, { "BITS", "bits", SHOW_NUMBER },
			{ "DNS", "dns", SHOW_TEXT } } },
	{ .name = "key show", .usage = "[DOMAIN]", .help = "print the records to publish", .verb = "key list", .takes = "domain?", .run = listctl_key_show },

	{ .name = "receivers", .usage = "", .help = "show what is known of receivers, from where, and what they refused", .verb = "receivers",
		.columns = { { "KIND", "kind", SHOW_TEXT }, { "NAME", "name", SHOW_TEXT }, { "DOES", "does", SHOW_TEXT }, { "KNOWN FROM", "source", SHOW_TEXT },
			{ "EXPERIENCE", "experience", SHOW_TEXT } },
		.more = "A receiver is who runs the mailbox: an operator of the receivers table, or the mailboxes of one\n"
			"@domain. Authors are domains whose posts were refused although they ask for nothing. What is\n"
			"learnt lasts for the setting relearn; rows of receivers-files with \"learns no\" are not changed." },
	{ .name = "receivers forget", .usage = "NAME", .help = "forget what was learnt of a receiver or an author's domain", .verb = "receivers forget", .takes = "name",
		.done = "forgotten: {count} rows about {name}" },
	{ .name = "allowlist list", .usage = "", .help = "show receivers that accept this server's copies, and exempt senders", .verb = "allowlist list",
		.columns = { { "KIND", "kind", SHOW_TEXT }, { "NAME", "name", SHOW_TEXT }, { "SINCE", "since", SHOW_DATE }, { "NOTE", "note", SHOW_TEXT } } },
	{ .name = "allowlist add", .usage = "receiver|sender NAME [NOTE]", .help = "let a receiver's subscribers, or a sender's posts, have the list's normal copies",
		.verb = "allowlist add", .takes = "kind name note?",
		.done = "{kind} {name} is on the allowlist",
		.more = "receiver: an operator (listctl receivers) or @DOMAIN that has agreed to accept this server; where it\n"
			"refuses all the same, it is treated as one that enforces DMARC until it is added again.\n"
			"sender: authors (domain, .domain, address or pattern) whose policy counts as none, on all lists.\nIn force at once.\n\n"
			"  listctl allowlist add receiver @example.net \"agreed with postmaster, 2026-11-29\"" },
	{ .name = "allowlist remove", .usage = "receiver|sender NAME", .help = "take one off the allowlist", .verb = "allowlist remove", .takes = "kind name",
		.done = "{kind} {name} is off the allowlist" },
	{ .name = "allowlist kit", .usage = "[SOFTWARE] [--list LIST] [--domain DOMAIN] [--address ADDRESS]",
		.help = "print what a receiver's postmaster needs to trust this server", .verb = "allowlist kit", .takes = "software?",
		.options = { { "list", "LIST", NULL, OPTION_ONE, "of one list only" }, { "domain", "DOMAIN", NULL, OPTION_ONE, "of one signing domain only" },
			{ "address", "ADDRESS", NULL, OPTION_REPEATS, "where the mail comes from (as SPF says); can be given several times" } },
		.more = "SOFTWARE: opendmarc, rspamd, microsoft, spamassassin, postfix or listd; all of them where none is\nnamed." },

	{ .name = "queue list", .usage = "", .help = "show mail that is not yet delivered", .verb = "queue list",
		.columns = { { "ID", "id", SHOW_TEXT }, { "LIST", "list", SHOW_TEXT }, { "LEFT", "todo", SHOW_NUMBER }, { "OF", "recipients", SHOW_NUMBER }, { "TRIES", "tries", SHOW_NUMBER },
			{ "SINCE", "since", SHOW_DATE }, { "NEXT", "next", SHOW_DATE }, { "LAST REPLY", "last_reply", SHOW_TEXT } } },
	{ .name = "queue flush", .usage = "", .help = "try to deliver everything now", .verb = "queue flush", .done = "everything is tried now; listctl queue list shows what is left" },
	{ .name = "status", .usage = "", .help = "show what runs, what waits and what is wrong", .verb = "status" },
	{ .name = "reload", .usage = "", .help = "make the daemon read its settings, keys, receivers and patterns again", .verb = "reload", .done = "the settings are read again" },
	{ .name = "mta", .usage = "postfix|exim|sendmail", .help = "print the settings that the mail server needs for the lists", .verb = "mta", .takes = "mta" },
	{ .name = "settings", .usage = "[NAME] [--sample site|list]", .help = "tell what settings there are", .takes = "name?", .run = listctl_settings,
		.options = { { "sample", "TABLE", NULL, OPTION_ONE, "print the sample file of a table, site or list" } } },
	{ .name = "settings running", .usage = "[NAME]", .help = "show the site's settings that the daemon works with", .verb = "settings", .takes = "name?",
		.columns = { { "SETTING", "name", SHOW_TEXT }, { "VALUE", "value", SHOW_TEXT } } },

	{ .name = "explain", .help = "tell the way of a message through a list, stage by stage", .words = offline_explain },
	{ .name = "render", .help = "print the copy that one subscriber would get", .words = offline_render },
	{ .name = "bounce", .help = "tell what mail that came back says about its recipients", .words = offline_bounce },
	{ .name = "reply", .help = "tell what a mail server's reply means", .words = offline_reply },
	{ .name = "compare", .help = "compare all strategies over posts and kinds of receivers", .words = offline_compare },
	{ .name = "whatif", .help = "tell what each strategy would have cost a list of late", .words = offline_whatif },
	{ .name = "auth", .help = "evaluate SPF, DKIM, ARC and DMARC of a message", .words = offline_auth },
	{ .name = "dmarc", .help = "show the DMARC policy of a domain", .words = offline_dmarc },
	{ .name = "spf", .help = "evaluate SPF", .words = offline_spf },
	{ .name = "parts", .help = "show the structure of a message", .words = offline_parts },
	{ .name = "from", .help = "show the authors of a message", .words = offline_from },
	{ .name = "seal", .help = "add an ARC set to a message", .words = offline_seal },
};
const size_t listctl_command_count = sizeof(listctl_commands) / sizeof(listctl_commands[0]);
