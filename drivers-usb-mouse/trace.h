/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: reports, errors, and who drives a mouse
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM hrmouse

#if !defined(_HRMOUSE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HRMOUSE_TRACE_H

#include <linux/device.h>
#include <linux/minmax.h>
#include <linux/tracepoint.h>
#include <linux/usb.h>

#define HRM_TRACE_NAME	32
#define HRM_TRACE_BYTES	32

#ifndef _HRMOUSE_TRACE_ONCE
#define _HRMOUSE_TRACE_ONCE
int hrm_stats_want(void);
void hrm_stats_unwant(void);
#endif

/* One switch for all that looks at reports: it costs them one instruction */
TRACE_EVENT_FN(hrmouse_report,
	       TP_PROTO(const struct usb_interface *intf, const void *data,
			unsigned int len),
	       TP_ARGS(intf, data, len),
	       TP_STRUCT__entry(__array(char, intf, HRM_TRACE_NAME)
				__field(unsigned int, len)
				__dynamic_array(u8, data,
						min(len, HRM_TRACE_BYTES))),
	       TP_fast_assign(strscpy(__entry->intf, dev_name(&intf->dev),
				      HRM_TRACE_NAME);
			      __entry->len = len;
			      memcpy(__get_dynamic_array(data), data,
				     min(len, HRM_TRACE_BYTES));),
	       TP_printk("%s: %u bytes: %s", __entry->intf, __entry->len,
			 __print_hex(__get_dynamic_array(data),
				     __get_dynamic_array_len(data))),
	       hrm_stats_want, hrm_stats_unwant
);

TRACE_EVENT(hrmouse_error,
	    TP_PROTO(const struct usb_interface *intf, int error),
	    TP_ARGS(intf, error),
	    TP_STRUCT__entry(__array(char, intf, HRM_TRACE_NAME)
			     __field(int, error)),
	    TP_fast_assign(strscpy(__entry->intf, dev_name(&intf->dev),
				   HRM_TRACE_NAME);
			   __entry->error = error;),
	    TP_printk("%s: error %d", __entry->intf, __entry->error)
);

TRACE_EVENT(hrmouse_handover,
	    TP_PROTO(const struct usb_interface *intf, const char *what),
	    TP_ARGS(intf, what),
	    TP_STRUCT__entry(__array(char, intf, HRM_TRACE_NAME)
			     __array(char, what, HRM_TRACE_NAME)),
	    TP_fast_assign(strscpy(__entry->intf, dev_name(&intf->dev),
				   HRM_TRACE_NAME);
			   strscpy(__entry->what, what, HRM_TRACE_NAME);),
	    TP_printk("%s: %s", __entry->intf, __entry->what)
);

#endif /* _HRMOUSE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
