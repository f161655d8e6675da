/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of an input core as the tests can tell from the real one */
#ifndef SHIM_INPUT_H
#define SHIM_INPUT_H

#include <linux/bitops.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include_next <linux/input.h>

/* Newer than Debian 12's headers */
#ifndef KEY_ACCESSIBILITY
#define KEY_ACCESSIBILITY	0x24e
#endif
#ifndef KEY_DO_NOT_DISTURB
#define KEY_DO_NOT_DISTURB	0x24f
#endif

struct input_handler;

struct input_dev {
	const char *name;
	void *drvdata;
	DECLARE_BITMAP(evbit, EV_CNT);
	DECLARE_BITMAP(keybit, KEY_CNT);
	DECLARE_BITMAP(relbit, REL_CNT);
	DECLARE_BITMAP(absbit, ABS_CNT);
	DECLARE_BITMAP(mscbit, MSC_CNT);
	DECLARE_BITMAP(key, KEY_CNT);
	struct input_absinfo absinfo[ABS_CNT];
	int (*getkeycode)(struct input_dev *dev, struct input_keymap_entry *ke);
	int (*setkeycode)(struct input_dev *dev,
			  const struct input_keymap_entry *ke,
			  unsigned int *old_keycode);
	struct input_handle *handle;
	struct input_value {
		u16 type;
		u16 code;
		s32 value;
	} vals[4096];
	unsigned int num_vals;
};

struct input_device_id {
	unsigned long driver_info;
};

struct input_handle {
	void *private;
	const char *name;
	struct input_dev *dev;
	struct input_handler *handler;
};

struct input_handler {
	void (*event)(struct input_handle *handle, unsigned int type,
		      unsigned int code, int value);
	bool (*match)(struct input_handler *handler, struct input_dev *dev);
	int (*connect)(struct input_handler *handler, struct input_dev *dev,
		       const struct input_device_id *id);
	void (*disconnect)(struct input_handle *handle);
	const char *name;
	const struct input_device_id *id_table;
};

struct input_dev *input_allocate_device(void);
void input_free_device(struct input_dev *dev);
int input_register_device(struct input_dev *dev);
void input_unregister_device(struct input_dev *dev);
int input_register_handler(struct input_handler *handler);
void input_unregister_handler(struct input_handler *handler);
int input_register_handle(struct input_handle *handle);
void input_unregister_handle(struct input_handle *handle);
int input_open_device(struct input_handle *handle);
void input_close_device(struct input_handle *handle);
void input_set_abs_params(struct input_dev *dev, unsigned int axis, int min,
			  int max, int fuzz, int flat);
int input_set_keycode(struct input_dev *dev,
		      const struct input_keymap_entry *ke);
int input_scancode_to_scalar(const struct input_keymap_entry *ke,
			     unsigned int *scancode);
void input_event(struct input_dev *dev, unsigned int type, unsigned int code,
		 int value);

#define input_sync(dev)			input_event(dev, EV_SYN, SYN_REPORT, 0)
#define input_set_drvdata(dev, data)	((dev)->drvdata = (data))
#define input_get_drvdata(dev)		((dev)->drvdata)
/* Frames are not broken up here */
#define input_set_events_per_packet(dev, n)	((void)(dev))

#endif
