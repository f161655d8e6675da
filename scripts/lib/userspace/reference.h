/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slow way from a report to events: bit by bit and usage by usage from
 * the fields, to compare the plan with
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <linux/input.h>

#include "plan.h"
#include "rdesc.h"

struct ref;

struct ref *ref_new(const struct hrm_rdesc *rd, unsigned int n_inputs);
void ref_free(struct ref *ref);
/* What the device declares, for comparison with the plan's */
const struct hrm_caps *ref_caps(const struct ref *ref, unsigned int input);
void ref_set_input(struct ref *ref, unsigned int input, struct input_dev *dev);
/* The multipliers that the device has at first, or once hrmouse has set them */
void ref_multiply(struct ref *ref, bool set);
void ref_run(struct ref *ref, const u8 *data, unsigned int len);

#endif
