// SPDX-License-Identifier: GPL-2.0-only
/* Memory and the input core, for userspace */

#include <linux/err.h>
#include <linux/input.h>
#include <linux/slab.h>

size_t shim_alloc_max;
long shim_allocs;
long shim_alloc_fail_after = -1;

void *shim_alloc(size_t size)
{
	if (!shim_alloc_fail_after)
		return NULL;
	if (shim_alloc_fail_after > 0)
		shim_alloc_fail_after--;
	shim_alloc_max = max(shim_alloc_max, size);
	shim_allocs++;
	return calloc(1, size);
}

void shim_free(const void *p)
{
	if (p)
		shim_allocs--;
	free((void *)p);
}

static struct input_handler *shim_handler;

struct input_dev *input_allocate_device(void)
{
	return shim_alloc(sizeof(struct input_dev));
}

void input_free_device(struct input_dev *dev)
{
	shim_free(dev);
}

int input_register_device(struct input_dev *dev)
{
	__set_bit(EV_SYN, dev->evbit);
	__clear_bit(KEY_RESERVED, dev->keybit);
	if (shim_handler && shim_handler->match(shim_handler, dev))
		return shim_handler->connect(shim_handler, dev,
					     shim_handler->id_table);
	return 0;
}

void input_unregister_device(struct input_dev *dev)
{
	if (dev->handle)
		shim_handler->disconnect(dev->handle);
	shim_free(dev);
}

int input_register_handler(struct input_handler *handler)
{
	shim_handler = handler;
	return 0;
}

void input_unregister_handler(struct input_handler *handler)
{
	(void)handler;
	shim_handler = NULL;
}

int input_register_handle(struct input_handle *handle)
{
	handle->dev->handle = handle;
	return 0;
}

void input_unregister_handle(struct input_handle *handle)
{
	handle->dev->handle = NULL;
}

int input_open_device(struct input_handle *handle)
{
	(void)handle;
	return 0;
}

void input_close_device(struct input_handle *handle)
{
	(void)handle;
}

void input_set_abs_params(struct input_dev *dev, unsigned int axis, int min,
			  int max, int fuzz, int flat)
{
	__set_bit(EV_ABS, dev->evbit);
	__set_bit(axis, dev->absbit);
	dev->absinfo[axis].minimum = min;
	dev->absinfo[axis].maximum = max;
	dev->absinfo[axis].fuzz = fuzz;
	dev->absinfo[axis].flat = flat;
}

int input_scancode_to_scalar(const struct input_keymap_entry *ke,
			     unsigned int *scancode)
{
	switch (ke->len) {
	case 1:
		*scancode = *ke->scancode;
		return 0;
	case 2:
		*scancode = *(const u16 *)ke->scancode;
		return 0;
	case 4:
		*scancode = *(const u32 *)ke->scancode;
		return 0;
	default:
		return -EINVAL;
	}
}

int input_set_keycode(struct input_dev *dev, const struct input_keymap_entry *ke)
{
	unsigned int old;
	int ret;

	if (ke->keycode > KEY_MAX)
		return -EINVAL;
	ret = dev->setkeycode(dev, ke, &old);
	__clear_bit(KEY_RESERVED, dev->keybit);
	return ret;
}

/* What the input core lets through */
static bool shim_passes(struct input_dev *dev, unsigned int type,
			unsigned int code, int value)
{
	switch (type) {
	case EV_KEY:
		if (code > KEY_MAX || !test_bit(code, dev->keybit))
			return false;
		if (value == 2)
			return true;
		if (test_bit(code, dev->key) == !!value)
			return false;
		if (value)
			__set_bit(code, dev->key);
		else
			__clear_bit(code, dev->key);
		return true;
	case EV_REL:
		return code <= REL_MAX && test_bit(code, dev->relbit) && value;
	case EV_ABS:
		if (code > ABS_MAX || !test_bit(code, dev->absbit) ||
		    dev->absinfo[code].value == value)
			return false;
		dev->absinfo[code].value = value;
		return true;
	case EV_MSC:
		return code <= MSC_MAX && test_bit(code, dev->mscbit);
	default:
		return type == EV_SYN;
	}
}

void input_event(struct input_dev *dev, unsigned int type, unsigned int code,
		 int value)
{
	unsigned int i;

	if (!test_bit(type, dev->evbit) || !shim_passes(dev, type, code, value))
		return;
	/* More than any report gives: a bug of the plan */
	if (dev->num_vals == ARRAY_SIZE(dev->vals))
		abort();
	dev->vals[dev->num_vals].type = type;
	dev->vals[dev->num_vals].code = code;
	dev->vals[dev->num_vals++].value = value;
	if (type != EV_SYN)
		return;
	for (i = 0; dev->handle && dev->num_vals > 1 && i < dev->num_vals; i++)
		dev->handle->handler->event(dev->handle, dev->vals[i].type,
					    dev->vals[i].code,
					    dev->vals[i].value);
	dev->num_vals = 0;
}
