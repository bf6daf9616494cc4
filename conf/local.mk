# conf/

# What is known of receivers: shipped where packages put what they may replace; a site's own rows stand in files that listd.conf names after it.
dist_pkgdata_DATA = conf/receivers.conf

# Made from the rows of the settings (listctl settings --sample site|list); a test compares them.
dist_doc_DATA = conf/listd.conf.sample conf/list.conf.sample
