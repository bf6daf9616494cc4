# conf/: what is installed beside the programs, samples, the quickstart.
dist_pkgdata_DATA = conf/bounce.patterns conf/compare.receivers conf/receivers.conf
entemplatesdir = $(pkgdatadir)/templates/en
detemplatesdir = $(pkgdatadir)/templates/de
frtemplatesdir = $(pkgdatadir)/templates/fr
dist_entemplates_DATA = conf/templates/en/alarm.txt conf/templates/en/burst.txt conf/templates/en/probe.txt conf/templates/en/rejected.txt conf/templates/en/rejected-reason.txt conf/templates/en/report.txt conf/templates/en/restored.txt \
	conf/templates/en/summary.txt conf/templates/en/suspended.txt conf/templates/en/via.txt conf/templates/en/warning.txt conf/templates/en/wrap.txt
dist_detemplates_DATA = conf/templates/de/alarm.txt conf/templates/de/burst.txt conf/templates/de/probe.txt conf/templates/de/rejected.txt conf/templates/de/rejected-reason.txt conf/templates/de/report.txt conf/templates/de/restored.txt \
	conf/templates/de/summary.txt conf/templates/de/suspended.txt conf/templates/de/via.txt conf/templates/de/warning.txt conf/templates/de/wrap.txt
dist_frtemplates_DATA = conf/templates/fr/alarm.txt conf/templates/fr/burst.txt conf/templates/fr/probe.txt conf/templates/fr/rejected.txt conf/templates/fr/rejected-reason.txt conf/templates/fr/report.txt conf/templates/fr/restored.txt \
	conf/templates/fr/summary.txt conf/templates/fr/suspended.txt conf/templates/fr/via.txt conf/templates/fr/warning.txt conf/templates/fr/wrap.txt
exampledir = $(docdir)/examples
dist_example_DATA = conf/listd.conf.sample conf/list.conf.sample conf/listd.service conf/listd-milter.service
EXTRA_DIST += conf/quickstart.sh conf/install-packages.sh conf/quickstart/world.py conf/quickstart/wait.py conf/quickstart/kinds.py conf/quickstart/exim.conf \
	conf/quickstart/receiver.py conf/quickstart/treewalk.py conf/quickstart/maildmarc.pl conf/quickstart/quickstart.py
