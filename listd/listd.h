/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that the build decides. */
#ifndef LISTD_LISTD_H
#define LISTD_LISTD_H

#ifndef LISTD_CONFIG
#define LISTD_CONFIG "/etc/listd/listd.conf"
#endif
#ifndef LISTD_RECEIVERS
#define LISTD_RECEIVERS "/etc/listd/receivers.conf"
#endif

#endif
