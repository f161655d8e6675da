// SPDX-License-Identifier: GPL-2.0
/*
 * A USB HID device played through /dev/raw-gadget on a dummy_udc instance.
 *
 * One thread answers ep0, one thread per endpoint does its transfers: so every
 * blocking ioctl belongs to the library, which can interrupt it with a signal,
 * and unplugging is always possible.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/types.h>
#include <linux/usb/ch9.h>
#include <linux/usb/raw_gadget.h>

#include "gadget.h"

#define KICK_SIGNAL	SIGUSR1
#define EP0_MAXP	64
#define EP0_MAXP_LOW	8
#define MAX_RECORDS	512
#define MAX_REPORTS	32
#define UNPLUG_MS	10000
#define MUTE_MS		6000
#define SETUP_LEN	8
/* a buffer of so many bytes, aligned for any structure */
#define WORDS(bytes)	(((bytes) + 7) / 8)

/* older <linux/usb/raw_gadget.h> stop at USB_RAW_EVENT_CONTROL */
#define EVENT_SUSPEND		3
#define EVENT_RESUME		4
#define EVENT_RESET		5
#define EVENT_DISCONNECT	6

struct endpoint {
	struct gadget *g;
	struct gadget_ep spec;
	int handle;		/* of raw-gadget, -1 while not enabled */

	/* one transfer at a time, handed to the endpoint's thread */
	pthread_t thread;
	bool running;
	bool exited;
	bool busy;		/* a caller owns the endpoint */
	unsigned int wanted;	/* callers that wait for it */
	bool deaf;		/* not to be enabled */
	bool pending;		/* transfer handed over */
	bool cancel;
	int result;
	struct usb_raw_ep_io *io;

	pthread_t streamer;
	struct usb_raw_ep_io *stream_io;
	bool streaming;
	bool stream_ended;
	bool stop_stream;
	unsigned long sent;
	__u8 *reports;
	size_t count;
	size_t len;
	int period_us;
};

struct interface {
	struct endpoint eps[GADGET_MAX_EPS];
	int protocol;
	int idle;
};

struct stored_report {
	bool used;
	int ifno;
	__u8 type;
	__u8 id;
	size_t len;
	__u8 data[GADGET_MAX_DATA];
};

struct gadget {
	struct gadget_desc desc;
	int fd;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	pthread_t ep0;
	bool ep0_exited;
	bool stopping;
	bool configured;
	bool fifo_blocked;
	int blocker;		/* endpoint that keeps the FIFO busy, or -1 */
	bool pulled;

	struct interface ifs[GADGET_MAX_IFS];
	struct gadget_stats stats;
	struct gadget_request *records;
	unsigned int nrecords;
	struct stored_report *reports;
};

static void deadline_ms(struct timespec *ts, int ms)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ts->tv_sec += ms / 1000;
	ts->tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	}
}

static bool deadline_over(const struct timespec *ts)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > ts->tv_sec ||
	       (now.tv_sec == ts->tv_sec && now.tv_nsec >= ts->tv_nsec);
}

static void kick_handler(int sig)
{
	(void)sig;
}

static int raw_ioctl(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

const struct gadget_desc *gadget_desc(const struct gadget *g)
{
	return &g->desc;
}

/* ---- descriptors -------------------------------------------------------- */

static void put16(__u8 *p, unsigned int v)
{
	p[0] = v & 0xff;
	p[1] = v >> 8;
}

static size_t device_descriptor(const struct gadget_desc *d, __u8 *p)
{
	memset(p, 0, USB_DT_DEVICE_SIZE);
	p[0] = USB_DT_DEVICE_SIZE;
	p[1] = USB_DT_DEVICE;
	put16(p + 2, d->bcd_usb);
	p[7] = d->speed == USB_SPEED_LOW ? EP0_MAXP_LOW : EP0_MAXP;
	put16(p + 8, d->vid);
	put16(p + 10, d->pid);
	put16(p + 12, d->bcd_device);
	p[14] = d->manufacturer ? 1 : 0;
	p[15] = d->product ? 2 : 0;
	p[16] = d->serial ? 3 : 0;
	p[17] = 1;
	return USB_DT_DEVICE_SIZE;
}

static size_t hid_descriptor(const struct gadget_if *gif, __u8 *p)
{
	size_t len = gif->rdesc_len;

	if (gif->flags & GADGET_NO_HID_DESC)
		return 0;
	if (gif->hid_desc) {
		memcpy(p, gif->hid_desc, gif->hid_desc_len);
		return gif->hid_desc_len;
	}
	if (gif->rdesc_claim)
		len = gif->rdesc_claim < 0 ? 0 : gif->rdesc_claim;
	p[0] = 9;
	p[1] = HID_DESC_HID;
	put16(p + 2, gif->bcd_hid ? gif->bcd_hid : 0x0111);
	p[4] = 0;
	p[5] = 1;
	p[6] = HID_DESC_REPORT;
	put16(p + 7, len);
	return 9;
}

static size_t endpoint_descriptor(const struct gadget_ep *ep, __u8 *p)
{
	p[0] = USB_DT_ENDPOINT_SIZE;
	p[1] = USB_DT_ENDPOINT;
	p[2] = ep->addr;
	p[3] = ep->attr;
	put16(p + 4, ep->maxp);
	p[6] = ep->interval;
	return USB_DT_ENDPOINT_SIZE;
}

static size_t config_descriptor(const struct gadget *g, __u8 *buf)
{
	const struct gadget_desc *d = &g->desc;
	__u8 *p = buf + USB_DT_CONFIG_SIZE;
	size_t i, n;

	for (i = 0; i < d->nifs; i++) {
		const struct gadget_if *gif = &d->ifs[i];

		memset(p, 0, USB_DT_INTERFACE_SIZE);
		p[0] = USB_DT_INTERFACE_SIZE;
		p[1] = USB_DT_INTERFACE;
		p[2] = i;
		p[4] = gif->neps;
		p[5] = gif->class ? gif->class : USB_CLASS_HID;
		p[6] = gif->subclass;
		p[7] = gif->protocol;
		p += USB_DT_INTERFACE_SIZE;
		if (!(gif->flags & GADGET_HID_AFTER_EP))
			p += hid_descriptor(gif, p);
		for (n = 0; n < gif->neps; n++)
			p += endpoint_descriptor(&g->ifs[i].eps[n].spec, p);
		if (gif->flags & GADGET_HID_AFTER_EP)
			p += hid_descriptor(gif, p);
	}

	memset(buf, 0, USB_DT_CONFIG_SIZE);
	buf[0] = USB_DT_CONFIG_SIZE;
	buf[1] = USB_DT_CONFIG;
	put16(buf + 2, p - buf);
	buf[4] = d->nifs;
	buf[5] = 1;
	buf[7] = USB_CONFIG_ATT_ONE |
		 (d->remote_wakeup ? USB_CONFIG_ATT_WAKEUP : 0);
	buf[8] = 50;
	return p - buf;
}

/* 0: no such string */
static size_t string_descriptor(const struct gadget_desc *d, int index,
				__u8 *p)
{
	const char *const strings[] = {
		NULL, d->manufacturer, d->product, d->serial
	};
	size_t i, len;

	if (!index) {
		p[0] = 4;
		p[1] = USB_DT_STRING;
		put16(p + 2, 0x0409);
		return 4;
	}
	if (index > 3 || !strings[index])
		return 0;
	len = strlen(strings[index]);
	if (len > 126)
		len = 126;
	p[0] = 2 + 2 * len;
	p[1] = USB_DT_STRING;
	for (i = 0; i < len; i++)
		put16(p + 2 + 2 * i, (unsigned char)strings[index][i]);
	return p[0];
}

/* ---- ep0 ---------------------------------------------------------------- */

static struct stored_report *find_report(struct gadget *g, int ifno,
					 __u8 type, __u8 id, bool create)
{
	struct stored_report *free_slot = NULL;
	int i;

	for (i = 0; i < MAX_REPORTS; i++) {
		struct stored_report *r = &g->reports[i];

		if (!r->used) {
			if (!free_slot)
				free_slot = r;
			continue;
		}
		if (r->ifno == ifno && r->type == type && r->id == id)
			return r;
	}
	if (!create || !free_slot)
		return NULL;
	free_slot->used = true;
	free_slot->ifno = ifno;
	free_slot->type = type;
	free_slot->id = id;
	free_slot->len = 0;
	return free_slot;
}

static enum gadget_answer class_request(struct gadget *g, int ifno,
					const struct gadget_setup *c,
					__u8 *data, size_t *len)
{
	const struct gadget_if *gif = &g->desc.ifs[ifno];
	unsigned int value = c->value;
	struct stored_report *r;

	if (gif->flags & GADGET_STALL_CLASS)
		return GADGET_STALL;

	switch (c->request) {
	case HID_SET_IDLE:
		g->ifs[ifno].idle = value >> 8;
		return GADGET_REPLY;
	case HID_GET_IDLE:
		data[0] = g->ifs[ifno].idle;
		*len = 1;
		return GADGET_REPLY;
	case HID_SET_PROTOCOL:
		g->ifs[ifno].protocol = value;
		return GADGET_REPLY;
	case HID_GET_PROTOCOL:
		data[0] = g->ifs[ifno].protocol;
		*len = 1;
		return GADGET_REPLY;
	case HID_GET_REPORT:
		r = find_report(g, ifno, value >> 8, value & 0xff, false);
		if (!r)
			return GADGET_STALL;
		memcpy(data, r->data, r->len);
		*len = r->len;
		return GADGET_REPLY;
	case HID_SET_REPORT:
		r = find_report(g, ifno, value >> 8, value & 0xff, true);
		if (!r)
			return GADGET_STALL;
		memcpy(r->data, data, *len);
		r->len = *len;
		return GADGET_REPLY;
	}
	return GADGET_STALL;
}

static int enable_endpoint(struct gadget *g, struct endpoint *ep)
{
	struct usb_endpoint_descriptor d = { 0 };
	int ret = 0;

	pthread_mutex_lock(&g->lock);
	/* a device reset does not disable them */
	if (ep->handle < 0 && !ep->deaf) {
		endpoint_descriptor(&ep->spec, (__u8 *)&d);
		ret = raw_ioctl(g->fd, USB_RAW_IOCTL_EP_ENABLE, &d);
		if (ret >= 0)
			ep->handle = ret;
	}
	pthread_mutex_unlock(&g->lock);
	return ret < 0 ? ret : 0;
}

static int enable_endpoints(struct gadget *g)
{
	size_t i, n;
	int ret;

	for (i = 0; i < g->desc.nifs; i++) {
		for (n = 0; n < g->desc.ifs[i].neps; n++) {
			ret = enable_endpoint(g, &g->ifs[i].eps[n]);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static bool addr_used(const struct gadget *g, unsigned int addr)
{
	size_t i, n;

	for (i = 0; i < g->desc.nifs; i++)
		for (n = 0; n < g->desc.ifs[i].neps; n++)
			if (g->ifs[i].eps[n].spec.addr == addr)
				return true;
	return false;
}

/*
 * dummy_hcd says that an IN transfer of up to 64 bytes is done as soon as it
 * is in its FIFO, and it has one FIFO for all endpoints. A byte for an
 * endpoint that the host does not know of keeps that FIFO full, so that
 * transfers to the other endpoints are done when the host has taken them.
 */
static int block_fifo(struct gadget *g)
{
	struct gadget_ep spec = {
		.attr = USB_ENDPOINT_XFER_INT, .maxp = 8, .interval = 10,
	};
	struct usb_endpoint_descriptor d = { 0 };
	__u64 buf[WORDS(sizeof(struct usb_raw_ep_io) + 1)] = { 0 };
	struct usb_raw_ep_io *one = (void *)buf;
	unsigned int addr;
	int ret;

	if (g->blocker < 0) {
		for (addr = 15; addr; addr--)
			if (!addr_used(g, USB_DIR_IN | addr))
				break;
		spec.addr = USB_DIR_IN | addr;
		endpoint_descriptor(&spec, (__u8 *)&d);
		ret = raw_ioctl(g->fd, USB_RAW_IOCTL_EP_ENABLE, &d);
		if (ret < 0)
			return ret;
		g->blocker = ret;
	}
	if (g->fifo_blocked)
		return 0;
	one->ep = g->blocker;
	one->length = 1;
	ret = raw_ioctl(g->fd, USB_RAW_IOCTL_EP_WRITE, one);
	if (ret < 0)
		return ret;
	g->fifo_blocked = true;
	return 0;
}

static enum gadget_answer set_configuration(struct gadget *g, int value)
{
	int ret;

	pthread_mutex_lock(&g->lock);
	g->stats.set_config++;
	pthread_mutex_unlock(&g->lock);
	if (value > 1)
		return GADGET_STALL;
	if (value) {
		ret = enable_endpoints(g);
		if (!ret)
			ret = block_fifo(g);
		if (ret < 0) {
			fprintf(stderr, "# gadget: endpoints: %s\n",
				strerror(-ret));
			return GADGET_STALL;
		}
		raw_ioctl(g->fd, USB_RAW_IOCTL_CONFIGURE, NULL);
	}
	return GADGET_REPLY;
}

static enum gadget_answer get_descriptor(struct gadget *g,
					 const struct gadget_setup *c,
					 __u8 *data, size_t *len)
{
	unsigned int value = c->value;
	unsigned int ifno = c->index & 0xff;
	const struct gadget_if *gif;

	switch (value >> 8) {
	case USB_DT_DEVICE:
		*len = device_descriptor(&g->desc, data);
		return GADGET_REPLY;
	case USB_DT_CONFIG:
		*len = config_descriptor(g, data);
		return GADGET_REPLY;
	case USB_DT_STRING:
		*len = string_descriptor(&g->desc, value & 0xff, data);
		return *len ? GADGET_REPLY : GADGET_STALL;
	}

	if ((c->type & USB_RECIP_MASK) != USB_RECIP_INTERFACE ||
	    ifno >= g->desc.nifs)
		return GADGET_STALL;
	gif = &g->desc.ifs[ifno];
	switch (value >> 8) {
	case HID_DESC_HID:
		*len = hid_descriptor(gif, data);
		return *len ? GADGET_REPLY : GADGET_STALL;
	case HID_DESC_REPORT:
		pthread_mutex_lock(&g->lock);
		g->stats.rdesc_reads++;
		pthread_mutex_unlock(&g->lock);
		if (gif->flags & GADGET_MUTE_RDESC)
			return GADGET_MUTE;
		if (gif->flags & GADGET_EMPTY_RDESC) {
			*len = 0;
			return GADGET_REPLY;
		}
		if (!gif->rdesc || gif->flags & GADGET_STALL_RDESC)
			return GADGET_STALL;
		*len = gif->rdesc_answer ? gif->rdesc_answer : gif->rdesc_len;
		if (*len > gif->rdesc_len)
			*len = gif->rdesc_len;
		memcpy(data, gif->rdesc, *len);
		return GADGET_REPLY;
	}
	return GADGET_STALL;
}

static enum gadget_answer answer(struct gadget *g,
				 const struct gadget_setup *c,
				 __u8 *data, size_t *len)
{
	unsigned int index = c->index;
	enum gadget_answer a;

	if (g->desc.setup) {
		a = g->desc.setup(g, c, data, len);
		if (a != GADGET_DEFAULT)
			return a;
	}

	switch (c->type & USB_TYPE_MASK) {
	case USB_TYPE_STANDARD:
		switch (c->request) {
		case USB_REQ_GET_DESCRIPTOR:
			return get_descriptor(g, c, data, len);
		case USB_REQ_SET_CONFIGURATION:
			return set_configuration(g, c->value);
		case USB_REQ_GET_CONFIGURATION:
			data[0] = g->configured;
			*len = 1;
			return GADGET_REPLY;
		case USB_REQ_SET_INTERFACE:
			return c->value ? GADGET_STALL : GADGET_REPLY;
		case USB_REQ_GET_INTERFACE:
			data[0] = 0;
			*len = 1;
			return GADGET_REPLY;
		}
		return GADGET_STALL;
	case USB_TYPE_CLASS:
		if ((c->type & USB_RECIP_MASK) !=
		    USB_RECIP_INTERFACE || (index & 0xff) >= g->desc.nifs)
			return GADGET_STALL;
		pthread_mutex_lock(&g->lock);
		a = class_request(g, index & 0xff, c, data, len);
		pthread_mutex_unlock(&g->lock);
		return a;
	}
	return GADGET_STALL;
}

static void record(struct gadget *g, const struct gadget_setup *c,
		   const __u8 *data, size_t len, bool stalled)
{
	struct gadget_request *r;

	pthread_mutex_lock(&g->lock);
	g->stats.requests++;
	if (g->nrecords == MAX_RECORDS) {
		memmove(g->records, g->records + 1,
			(MAX_RECORDS - 1) * sizeof(*g->records));
		g->nrecords--;
	}
	r = &g->records[g->nrecords++];
	memset(r, 0, sizeof(*r));
	r->setup = *c;
	r->stalled = stalled;
	r->len = len;
	memcpy(r->data, data, len < sizeof(r->data) ? len : sizeof(r->data));
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
}

/*
 * raw-gadget needs an answer to each request, and stalls others meanwhile:
 * so a mute device is one that stalls after the host has lost patience.
 */
static void stay_mute(struct gadget *g)
{
	struct timespec deadline;
	int ret = 0;

	deadline_ms(&deadline, MUTE_MS);
	pthread_mutex_lock(&g->lock);
	while (!g->stopping && ret != ETIMEDOUT)
		ret = pthread_cond_timedwait(&g->cond, &g->lock, &deadline);
	pthread_mutex_unlock(&g->lock);
}

static void control_request(struct gadget *g, const struct gadget_setup *c)
{
	__u64 buf[WORDS(sizeof(struct usb_raw_ep_io) + GADGET_MAX_DATA)];
	struct usb_raw_ep_io *ep0 = (void *)buf;
	unsigned int wlength = c->length;
	bool in = (c->type & USB_DIR_IN) && wlength;
	size_t maxp = g->desc.speed == USB_SPEED_LOW ? EP0_MAXP_LOW : EP0_MAXP;
	enum gadget_answer a;
	size_t out_len = 0;
	size_t len = 0;
	bool set_config;
	int ret;

	if (wlength > GADGET_MAX_DATA && !in) {
		raw_ioctl(g->fd, USB_RAW_IOCTL_EP0_STALL, NULL);
		record(g, c, NULL, 0, true);
		return;
	}

	/*
	 * OUT data comes before the answer is known: reading it acknowledges
	 * it. A request that will be refused is stalled before its data.
	 */
	memset(ep0, 0, sizeof(*ep0));
	if (!in && wlength) {
		__u8 probe[GADGET_MAX_DATA];
		unsigned int ifno = c->index & 0xff;
		size_t zero = 0;

		a = g->desc.setup ? g->desc.setup(g, c, probe, &zero) :
				    GADGET_DEFAULT;
		if ((c->type & USB_TYPE_MASK) == USB_TYPE_CLASS &&
		    ifno < g->desc.nifs &&
		    g->desc.ifs[ifno].flags & GADGET_STALL_CLASS)
			a = GADGET_STALL;
		if (a == GADGET_MUTE)
			stay_mute(g);
		if (a == GADGET_STALL || a == GADGET_MUTE) {
			raw_ioctl(g->fd, USB_RAW_IOCTL_EP0_STALL, NULL);
			record(g, c, NULL, 0, a == GADGET_STALL);
			return;
		}
		ep0->length = wlength;
		ret = raw_ioctl(g->fd, USB_RAW_IOCTL_EP0_READ, ep0);
		if (ret < 0)
			return;
		len = ret;
		out_len = len;
		answer(g, c, ep0->data, &len);
		record(g, c, ep0->data, out_len, false);
		return;
	}

	a = answer(g, c, ep0->data, &len);
	set_config = c->type == USB_RECIP_DEVICE &&
		     c->request == USB_REQ_SET_CONFIGURATION;
	if (a == GADGET_MUTE)
		stay_mute(g);
	if (a != GADGET_REPLY) {
		raw_ioctl(g->fd, USB_RAW_IOCTL_EP0_STALL, NULL);
	} else if (in) {
		if (len > wlength)
			len = wlength;
		ep0->length = len;
		if (len && len < wlength && !(len % maxp))
			ep0->flags = USB_RAW_IO_FLAGS_ZERO;
		raw_ioctl(g->fd, USB_RAW_IOCTL_EP0_WRITE, ep0);
	} else {
		raw_ioctl(g->fd, USB_RAW_IOCTL_EP0_READ, ep0);
	}
	if (set_config && a == GADGET_REPLY) {
		pthread_mutex_lock(&g->lock);
		g->configured = c->value;
		pthread_cond_broadcast(&g->cond);
		pthread_mutex_unlock(&g->lock);
	}
	record(g, c, NULL, 0, a == GADGET_STALL);
}

static void parse_setup(struct gadget_setup *setup, const __u8 *p)
{
	setup->type = p[0];
	setup->request = p[1];
	setup->value = p[2] | p[3] << 8;
	setup->index = p[4] | p[5] << 8;
	setup->length = p[6] | p[7] << 8;
}

static void *ep0_thread(void *arg)
{
	struct gadget *g = arg;
	__u64 buf[WORDS(sizeof(struct usb_raw_event) + SETUP_LEN)];
	struct usb_raw_event *e = (void *)buf;
	struct gadget_setup setup;
	int ret;

	while (!__atomic_load_n(&g->stopping, __ATOMIC_ACQUIRE)) {
		memset(buf, 0, sizeof(buf));
		e->length = SETUP_LEN;
		ret = raw_ioctl(g->fd, USB_RAW_IOCTL_EVENT_FETCH, e);
		if (ret == -EINTR)
			continue;
		if (ret < 0) {
			if (!g->pulled)
				fprintf(stderr, "# gadget: event: %s\n",
					strerror(-ret));
			break;
		}
		if (e->type == USB_RAW_EVENT_CONTROL) {
			parse_setup(&setup, e->data);
			control_request(g, &setup);
			continue;
		}
		pthread_mutex_lock(&g->lock);
		g->stats.suspends += e->type == EVENT_SUSPEND;
		g->stats.resumes += e->type == EVENT_RESUME;
		g->stats.resets += e->type == EVENT_RESET;
		if (e->type == EVENT_RESET || e->type == EVENT_DISCONNECT) {
			/* the UDC has thrown away all transfers */
			g->configured = false;
			g->fifo_blocked = false;
		}
		pthread_cond_broadcast(&g->cond);
		pthread_mutex_unlock(&g->lock);
	}

	pthread_mutex_lock(&g->lock);
	g->ep0_exited = true;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

/* ---- reports ------------------------------------------------------------ */

static bool is_in(const struct endpoint *ep)
{
	return ep->spec.addr & USB_DIR_IN;
}

static void *endpoint_thread(void *arg)
{
	struct endpoint *ep = arg;
	struct gadget *g = ep->g;
	int ret;

	pthread_mutex_lock(&g->lock);
	while (!g->stopping) {
		if (!ep->pending) {
			pthread_cond_wait(&g->cond, &g->lock);
			continue;
		}
		ret = -ECANCELED;
		if (!ep->cancel) {
			pthread_mutex_unlock(&g->lock);
			ret = raw_ioctl(g->fd, is_in(ep) ?
					USB_RAW_IOCTL_EP_WRITE :
					USB_RAW_IOCTL_EP_READ, ep->io);
			pthread_mutex_lock(&g->lock);
			/* a stray signal: nothing was transferred */
			if (ret == -EINTR && !ep->cancel && !g->stopping)
				continue;
		}
		ep->result = ret;
		ep->pending = false;
		pthread_cond_broadcast(&g->cond);
	}
	ep->exited = true;
	if (ep->pending) {
		ep->result = -ESHUTDOWN;
		ep->pending = false;
	}
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static struct endpoint *find_endpoint(struct gadget *g, int ifno, bool in)
{
	size_t n;

	if (ifno < 0 || (size_t)ifno >= g->desc.nifs)
		return NULL;
	for (n = 0; n < g->desc.ifs[ifno].neps; n++) {
		struct endpoint *ep = &g->ifs[ifno].eps[n];

		if (is_in(ep) == in && ep->spec.attr == USB_ENDPOINT_XFER_INT)
			return ep;
	}
	return NULL;
}

static struct endpoint *in_endpoint(struct gadget *g, int ifno)
{
	return find_endpoint(g, ifno, true);
}

static int wait_until(struct gadget *g, const struct timespec *deadline)
{
	if (!deadline)
		return pthread_cond_wait(&g->cond, &g->lock);
	return pthread_cond_timedwait(&g->cond, &g->lock, deadline);
}

/* how many bytes the host has taken, or has sent */
static int transfer(struct gadget *g, struct endpoint *ep, void *buf,
		    size_t len, const struct timespec *deadline)
{
	int ret = 0;

	if (!ep || len > GADGET_MAX_DATA)
		return -EINVAL;

	/*
	 * Between a reset and the configuration a report would take the place
	 * of what block_fifo() is going to put there.
	 */
	pthread_mutex_lock(&g->lock);
	ep->wanted++;
	while ((ep->busy || !g->configured) && !g->stopping && !ret)
		ret = -wait_until(g, deadline);
	ep->wanted--;
	if (ret || g->stopping || ep->handle < 0 || !ep->running) {
		pthread_mutex_unlock(&g->lock);
		return ret ? ret : -ENOTCONN;
	}

	ep->busy = true;
	ep->cancel = false;
	ep->io->ep = ep->handle;
	ep->io->flags = ep->spec.zlp ? USB_RAW_IO_FLAGS_ZERO : 0;
	ep->io->length = len;
	if (is_in(ep))
		memcpy(ep->io->data, buf, len);
	ep->pending = true;
	pthread_cond_broadcast(&g->cond);

	while (ep->pending) {
		struct timespec ts;

		if (!ep->cancel && !g->stopping) {
			if (wait_until(g, deadline) == ETIMEDOUT)
				ep->cancel = true;
			continue;
		}
		/* the signal may come before the ioctl: repeat it */
		pthread_kill(ep->thread, KICK_SIGNAL);
		deadline_ms(&ts, 2);
		pthread_cond_timedwait(&g->cond, &g->lock, &ts);
	}
	ret = ep->result;
	if (ep->cancel && (ret == -EINTR || ret == -ECANCELED))
		ret = -ETIMEDOUT;
	if (ret > 0 && !is_in(ep))
		memcpy(buf, ep->io->data, ret);
	ep->busy = false;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
	return ret;
}

static int send_report(struct gadget *g, int ifno, const void *buf, size_t len,
		       const struct timespec *deadline)
{
	int ret = transfer(g, in_endpoint(g, ifno), (void *)buf, len, deadline);

	return ret < 0 ? ret : 0;
}

int gadget_report(struct gadget *g, int ifno, const void *buf, size_t len)
{
	return send_report(g, ifno, buf, len, NULL);
}

int gadget_report_timeout(struct gadget *g, int ifno, const void *buf,
			  size_t len, int ms)
{
	struct timespec deadline;

	deadline_ms(&deadline, ms);
	return send_report(g, ifno, buf, len, &deadline);
}

int gadget_receive(struct gadget *g, int ifno, void *buf, size_t len, int ms)
{
	struct timespec deadline;

	deadline_ms(&deadline, ms);
	return transfer(g, find_endpoint(g, ifno, false), buf, len, &deadline);
}

static void stop_thread(struct gadget *g, pthread_t thread, const bool *exited)
{
	struct timespec ts;

	pthread_mutex_lock(&g->lock);
	while (!*exited) {
		/* the signal may come before the ioctl: repeat it */
		pthread_kill(thread, KICK_SIGNAL);
		deadline_ms(&ts, 2);
		pthread_cond_timedwait(&g->cond, &g->lock, &ts);
	}
	pthread_mutex_unlock(&g->lock);
	pthread_join(thread, NULL);
}

/* one transfer out of the streamer's own hand: no other thread has to wake up */
static int stream_report(struct endpoint *ep, const void *report)
{
	struct usb_raw_ep_io *io = ep->stream_io;
	struct gadget *g = ep->g;
	struct timespec ts;
	int ret = -ENOTCONN;

	pthread_mutex_lock(&g->lock);
	if (ep->busy || !g->configured || ep->handle < 0) {
		/* no host for a while is part of the game */
		deadline_ms(&ts, 1);
		wait_until(g, &ts);
		pthread_mutex_unlock(&g->lock);
		return ret;
	}
	ep->busy = true;
	io->ep = ep->handle;
	pthread_mutex_unlock(&g->lock);

	io->flags = ep->spec.zlp ? USB_RAW_IO_FLAGS_ZERO : 0;
	io->length = ep->len;
	memcpy(io->data, report, ep->len);
	ret = raw_ioctl(g->fd, USB_RAW_IOCTL_EP_WRITE, io);

	pthread_mutex_lock(&g->lock);
	ep->busy = false;
	if (ep->wanted || g->stopping)
		pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
	return ret;
}

static long long stream_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void *stream_thread(void *arg)
{
	struct endpoint *ep = arg;
	struct gadget *g = ep->g;
	long long now, next = stream_clock_us();
	unsigned long n = 0;
	int ret;

	/* 50 us are much at 8 kHz */
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!__atomic_load_n(&ep->stop_stream, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&g->stopping, __ATOMIC_ACQUIRE)) {
		ret = stream_report(ep, ep->reports + n % ep->count * ep->len);
		if (ret < 0) {
			if (ret != -ENOTCONN && ret != -EINTR)
				usleep(1000);
			continue;
		}
		n++;
		__atomic_add_fetch(&ep->sent, 1, __ATOMIC_RELAXED);
		if (!ep->period_us)
			continue;
		next += ep->period_us;
		now = stream_clock_us();
		if (now < next)
			usleep(next - now);
		else if (now > next + 10 * ep->period_us)
			next = now;
	}
	pthread_mutex_lock(&g->lock);
	ep->stream_ended = true;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

int gadget_stream_start(struct gadget *g, int ifno, const void *reports,
			size_t count, size_t len, int period_us)
{
	struct endpoint *ep = in_endpoint(g, ifno);
	int ret;

	if (!ep || ep->streaming || !count)
		return -EINVAL;
	if (len > GADGET_MAX_DATA)
		return -EINVAL;
	ep->reports = malloc(count * len + 1);
	ep->stream_io = calloc(1, sizeof(*ep->stream_io) + len);
	if (!ep->reports || !ep->stream_io) {
		free(ep->reports);
		free(ep->stream_io);
		return -ENOMEM;
	}
	memcpy(ep->reports, reports, count * len);
	ep->count = count;
	ep->len = len;
	ep->period_us = period_us;
	ep->stop_stream = false;
	ep->stream_ended = false;
	ep->sent = 0;
	ret = pthread_create(&ep->streamer, NULL, stream_thread, ep);
	if (ret) {
		free(ep->reports);
		free(ep->stream_io);
		return -ret;
	}
	ep->streaming = true;
	return 0;
}

unsigned long gadget_stream_sent(struct gadget *g, int ifno)
{
	struct endpoint *ep = in_endpoint(g, ifno);

	return ep ? __atomic_load_n(&ep->sent, __ATOMIC_RELAXED) : 0;
}

static void stream_stop(struct endpoint *ep)
{
	if (!ep->streaming)
		return;
	__atomic_store_n(&ep->stop_stream, true, __ATOMIC_RELEASE);
	stop_thread(ep->g, ep->streamer, &ep->stream_ended);
	free(ep->reports);
	free(ep->stream_io);
	ep->streaming = false;
}

int gadget_stream_stop(struct gadget *g, int ifno)
{
	struct endpoint *ep = in_endpoint(g, ifno);

	if (!ep || !ep->streaming)
		return -EINVAL;
	stream_stop(ep);
	return 0;
}

/* an ioctl that is about an endpoint, not about a transfer of it */
static int ep_ioctl(struct gadget *g, struct endpoint *ep, unsigned long cmd)
{
	int ret = -EINVAL;

	if (!ep)
		return ret;
	pthread_mutex_lock(&g->lock);
	ep->wanted++;
	while (ep->busy && !g->stopping)
		pthread_cond_wait(&g->cond, &g->lock);
	ep->wanted--;
	if (ep->handle >= 0 && !g->stopping) {
		ret = raw_ioctl(g->fd, cmd, (void *)(long)ep->handle);
		if (!ret && cmd == USB_RAW_IOCTL_EP_DISABLE)
			ep->handle = -1;
	}
	pthread_mutex_unlock(&g->lock);
	return ret;
}

int gadget_halt(struct gadget *g, int ifno)
{
	return ep_ioctl(g, in_endpoint(g, ifno), USB_RAW_IOCTL_EP_SET_HALT);
}

int gadget_wedge(struct gadget *g, int ifno, bool on)
{
	return ep_ioctl(g, in_endpoint(g, ifno),
			on ? USB_RAW_IOCTL_EP_SET_WEDGE :
			     USB_RAW_IOCTL_EP_CLEAR_HALT);
}

int gadget_deaf(struct gadget *g, int ifno, bool on)
{
	struct endpoint *ep = in_endpoint(g, ifno);

	if (!ep)
		return -EINVAL;
	pthread_mutex_lock(&g->lock);
	ep->deaf = on;
	pthread_mutex_unlock(&g->lock);
	return on ? ep_ioctl(g, ep, USB_RAW_IOCTL_EP_DISABLE) :
		    enable_endpoint(g, ep);
}

/* ---- what the host did -------------------------------------------------- */

void gadget_get_stats(struct gadget *g, struct gadget_stats *stats)
{
	pthread_mutex_lock(&g->lock);
	*stats = g->stats;
	pthread_mutex_unlock(&g->lock);
}

static int count_requests(struct gadget *g, __u8 type, __u8 request,
			  struct gadget_request *last)
{
	unsigned int i;
	int count = 0;

	for (i = 0; i < g->nrecords; i++) {
		struct gadget_request *r = &g->records[i];

		if (r->setup.type != type ||
		    r->setup.request != request)
			continue;
		count++;
		if (last)
			*last = *r;
	}
	return count;
}

int gadget_requests(struct gadget *g, __u8 type, __u8 request,
		    struct gadget_request *last)
{
	int count;

	pthread_mutex_lock(&g->lock);
	count = count_requests(g, type, request, last);
	pthread_mutex_unlock(&g->lock);
	return count;
}

int gadget_wait_requests(struct gadget *g, __u8 type, __u8 request,
			 int count, int ms)
{
	struct timespec deadline;
	int ret = 0;

	deadline_ms(&deadline, ms);
	pthread_mutex_lock(&g->lock);
	while (!ret && count_requests(g, type, request, NULL) < count)
		ret = -wait_until(g, &deadline);
	pthread_mutex_unlock(&g->lock);
	return ret;
}

int gadget_wait_configured(struct gadget *g, int ms)
{
	struct timespec deadline;
	int ret = 0;

	deadline_ms(&deadline, ms);
	pthread_mutex_lock(&g->lock);
	while (!ret && !g->configured && !g->ep0_exited)
		ret = -wait_until(g, &deadline);
	if (!ret && !g->configured)
		ret = -ENODEV;
	pthread_mutex_unlock(&g->lock);
	return ret;
}

int gadget_set_report(struct gadget *g, int ifno, __u8 type, __u8 id,
		      const void *buf, size_t len)
{
	struct stored_report *r;
	int ret = -ENOSPC;

	if (len > GADGET_MAX_DATA)
		return -EINVAL;
	pthread_mutex_lock(&g->lock);
	r = find_report(g, ifno, type, id, true);
	if (r) {
		memcpy(r->data, buf, len);
		r->len = len;
		ret = 0;
	}
	pthread_mutex_unlock(&g->lock);
	return ret;
}

int gadget_get_report(struct gadget *g, int ifno, __u8 type, __u8 id,
		      void *buf, size_t len)
{
	struct stored_report *r;
	int ret = -ENOENT;

	pthread_mutex_lock(&g->lock);
	r = find_report(g, ifno, type, id, false);
	if (r) {
		if (len > r->len)
			len = r->len;
		memcpy(buf, r->data, len);
		ret = len;
	}
	pthread_mutex_unlock(&g->lock);
	return ret;
}

int gadget_protocol(struct gadget *g, int ifno)
{
	int ret;

	pthread_mutex_lock(&g->lock);
	ret = g->ifs[ifno].protocol;
	pthread_mutex_unlock(&g->lock);
	return ret;
}

int gadget_idle(struct gadget *g, int ifno)
{
	int ret;

	pthread_mutex_lock(&g->lock);
	ret = g->ifs[ifno].idle;
	pthread_mutex_unlock(&g->lock);
	return ret;
}

/* ---- plug and unplug ---------------------------------------------------- */

int gadget_udc_count(void)
{
	glob_t found;
	int n = 0;

	if (!glob("/sys/class/udc/dummy_udc.*", 0, NULL, &found))
		n = found.gl_pathc;
	globfree(&found);
	return n;
}

/* the host notices an unplugged device with a delay */
static bool host_sees_device(int udc)
{
	char pattern[128];
	glob_t found;
	bool ret;

	snprintf(pattern, sizeof(pattern),
		 "/sys/devices/platform/dummy_hcd.%d/usb*/*-1/idVendor", udc);
	ret = !glob(pattern, 0, NULL, &found) && found.gl_pathc;
	globfree(&found);
	return ret;
}

static int wait_host_free(int udc)
{
	struct timespec deadline;

	deadline_ms(&deadline, UNPLUG_MS);
	while (host_sees_device(udc)) {
		if (deadline_over(&deadline))
			return -EBUSY;
		usleep(2000);
	}
	return 0;
}

/* the address that an endpoint of the UDC can have here, 0 if none */
static unsigned int free_addr(const struct gadget *g,
			      const struct usb_raw_ep_info *info,
			      const struct gadget_ep *spec)
{
	unsigned int dir = spec->addr & USB_DIR_IN;
	unsigned int num;

	if (dir ? !info->caps.dir_in : !info->caps.dir_out)
		return 0;
	if (spec->attr == USB_ENDPOINT_XFER_BULK ? !info->caps.type_bulk :
	    !info->caps.type_int)
		return 0;
	if (info->addr != USB_RAW_EP_ADDR_ANY)
		return addr_used(g, dir | info->addr) ? 0 : dir | info->addr;
	/* 15 is left to block_fifo() */
	for (num = 1; num < 15; num++)
		if (!addr_used(g, dir | num))
			return dir | num;
	return 0;
}

static int place_endpoint(const struct gadget *g,
			  const struct usb_raw_eps_info *info, int count,
			  bool *taken, struct gadget_ep *spec)
{
	unsigned int addr;
	int e;

	for (e = 0; e < count; e++) {
		addr = taken[e] ? 0 : free_addr(g, &info->eps[e], spec);
		if (!addr)
			continue;
		taken[e] = true;
		spec->addr = addr;
		return 0;
	}
	return -ENOSPC;
}

/* gives endpoints without a number the first free one of the UDC */
static int place_endpoints(struct gadget *g)
{
	struct usb_raw_eps_info info;
	bool taken[USB_RAW_EPS_NUM_MAX] = { false };
	size_t i, n;
	int count, ret;

	memset(&info, 0, sizeof(info));
	count = raw_ioctl(g->fd, USB_RAW_IOCTL_EPS_INFO, &info);
	if (count < 0)
		return count;

	for (i = 0; i < g->desc.nifs; i++) {
		for (n = 0; n < g->desc.ifs[i].neps; n++) {
			struct gadget_ep *spec = &g->ifs[i].eps[n].spec;

			if (spec->addr & USB_ENDPOINT_NUMBER_MASK)
				continue;
			ret = place_endpoint(g, &info, count, taken, spec);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static void gadget_free(struct gadget *g)
{
	size_t i, n;

	for (i = 0; i < GADGET_MAX_IFS; i++)
		for (n = 0; n < GADGET_MAX_EPS; n++)
			free(g->ifs[i].eps[n].io);
	if (g->fd >= 0)
		close(g->fd);
	pthread_cond_destroy(&g->cond);
	pthread_mutex_destroy(&g->lock);
	free(g->records);
	free(g->reports);
	free(g);
}

static struct gadget *gadget_alloc(const struct gadget_desc *desc)
{
	pthread_condattr_t attr;
	struct gadget *g;
	size_t i, n;

	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->fd = -1;
	g->blocker = -1;
	g->desc = *desc;
	if (!g->desc.speed)
		g->desc.speed = USB_SPEED_FULL;
	if (!g->desc.bcd_usb)
		g->desc.bcd_usb = 0x0200;
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->cond, &attr);
	pthread_condattr_destroy(&attr);
	g->records = calloc(MAX_RECORDS, sizeof(*g->records));
	g->reports = calloc(MAX_REPORTS, sizeof(*g->reports));
	if (!g->records || !g->reports)
		goto fail;

	for (i = 0; i < desc->nifs; i++) {
		g->ifs[i].protocol = 1;
		for (n = 0; n < desc->ifs[i].neps; n++) {
			struct endpoint *ep = &g->ifs[i].eps[n];

			ep->g = g;
			ep->handle = -1;
			ep->spec = desc->ifs[i].eps[n];
			if (!ep->spec.attr)
				ep->spec.attr = USB_ENDPOINT_XFER_INT;
			ep->io = calloc(1, sizeof(*ep->io) + GADGET_MAX_DATA);
			if (!ep->io)
				goto fail;
		}
	}
	return g;
fail:
	gadget_free(g);
	errno = ENOMEM;
	return NULL;
}

static void gadget_stop(struct gadget *g)
{
	size_t i, n;

	__atomic_store_n(&g->stopping, true, __ATOMIC_RELEASE);
	pthread_mutex_lock(&g->lock);
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);

	for (i = 0; i < g->desc.nifs; i++) {
		for (n = 0; n < g->desc.ifs[i].neps; n++) {
			struct endpoint *ep = &g->ifs[i].eps[n];

			if (ep->running)
				stop_thread(g, ep->thread, &ep->exited);
			stream_stop(ep);
			/* a caller may be on its way out of transfer() */
			pthread_mutex_lock(&g->lock);
			while (ep->busy)
				pthread_cond_wait(&g->cond, &g->lock);
			pthread_mutex_unlock(&g->lock);
		}
	}
}

struct gadget *gadget_plug(const struct gadget_desc *desc, int udc)
{
	struct sigaction sa = { .sa_handler = kick_handler };
	struct usb_raw_init init;
	struct gadget *g;
	size_t i, n;
	int ret;

	if (!desc->nifs || desc->nifs > GADGET_MAX_IFS) {
		errno = EINVAL;
		return NULL;
	}
	for (i = 0; i < desc->nifs; i++) {
		if (desc->ifs[i].neps > GADGET_MAX_EPS ||
		    desc->ifs[i].rdesc_len > GADGET_MAX_DATA) {
			errno = EINVAL;
			return NULL;
		}
	}
	ret = wait_host_free(udc);
	if (ret) {
		errno = -ret;
		return NULL;
	}

	g = gadget_alloc(desc);
	if (!g)
		return NULL;
	/* no SA_RESTART: the signal has to end the ioctl */
	sigaction(KICK_SIGNAL, &sa, NULL);

	g->fd = open("/dev/raw-gadget", O_RDWR | O_CLOEXEC);
	if (g->fd < 0) {
		ret = -errno;
		goto fail;
	}
	memset(&init, 0, sizeof(init));
	snprintf((char *)init.driver_name, sizeof(init.driver_name),
		 "dummy_udc");
	snprintf((char *)init.device_name, sizeof(init.device_name),
		 "dummy_udc.%d", udc);
	init.speed = g->desc.speed;
	ret = raw_ioctl(g->fd, USB_RAW_IOCTL_INIT, &init);
	if (!ret)
		ret = raw_ioctl(g->fd, USB_RAW_IOCTL_RUN, NULL);
	/* before any request is answered: ep0 has no thread yet */
	if (!ret)
		ret = place_endpoints(g);
	if (ret)
		goto fail;

	for (i = 0; i < desc->nifs; i++) {
		for (n = 0; n < desc->ifs[i].neps; n++) {
			struct endpoint *ep = &g->ifs[i].eps[n];

			ret = -pthread_create(&ep->thread, NULL,
					      endpoint_thread, ep);
			if (ret)
				goto fail_threads;
			ep->running = true;
		}
	}
	ret = -pthread_create(&g->ep0, NULL, ep0_thread, g);
	if (ret)
		goto fail_threads;
	return g;

fail_threads:
	gadget_stop(g);
fail:
	gadget_free(g);
	errno = -ret;
	return NULL;
}

void gadget_pull(struct gadget *g)
{
	int fd;

	pthread_mutex_lock(&g->lock);
	fd = g->fd;
	g->fd = -1;
	g->pulled = true;
	pthread_mutex_unlock(&g->lock);
	if (fd >= 0)
		close(fd);
}

int gadget_wakeup(int udc)
{
	char path[64];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/sys/class/udc/dummy_udc.%d/srp", udc);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "1", 1) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void gadget_unplug(struct gadget *g)
{
	if (!g)
		return;
	gadget_stop(g);
	stop_thread(g, g->ep0, &g->ep0_exited);
	gadget_free(g);
}
