# SPDX-License-Identifier: BSD-2-Clause
# Files of conf/ as texts in C: receivers.conf, bounce.patterns, compare.receivers, in this order.
BEGIN {
	split("receivers patterns models", names, " ")
	print "/* Made from conf/ by listd/shipped.awk. */"
	print "#include \"listd/shipped.h\""
}
FNR == 1 {
	if (count > 0)
		print "\t;"
	printf "\nconst char shipped_%s[] =\n", names[++count]
}
{
	gsub(/[\\"]/, "\\\\&")
	print "\t\"" $0 "\\n\""
}
END { print "\t;" }
