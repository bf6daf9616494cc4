# conf/: what is installed beside the programs, samples, the quickstart.
dist_pkgdata_DATA = conf/bounce.patterns conf/receivers.conf
entemplatesdir = $(pkgdatadir)/templates/en
detemplatesdir = $(pkgdatadir)/templates/de
frtemplatesdir = $(pkgdatadir)/templates/fr
dist_entemplates_DATA = conf/templates/en/via.txt conf/templates/en/wrap.txt
dist_detemplates_DATA = conf/templates/de/via.txt conf/templates/de/wrap.txt
dist_frtemplates_DATA = conf/templates/fr/via.txt conf/templates/fr/wrap.txt
exampledir = $(docdir)/examples
dist_example_DATA = conf/listd.conf.sample conf/list.conf.sample conf/listd.service conf/listd-milter.service
EXTRA_DIST += conf/quickstart.sh conf/install-packages.sh conf/quickstart/world.py conf/quickstart/receiver.py conf/quickstart/quickstart.py
