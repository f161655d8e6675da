// SPDX-License-Identifier: GPL-2.0-only
/*
 * Says of report descriptors what hrmouse would do with them, without a kernel
 *
 * Standard input: descriptors, each behind its length in 16 bits, little
 * endian. Standard output: a line for each, "taken", "malformed" or why not.
 */

#include <linux/err.h>
#include <linux/hid.h>
#include <linux/input.h>
#include <stdio.h>

#include "plan.h"
#include "rdesc.h"

int main(void)
{
	static struct hrm_caps caps[HRM_MAX_INPUTS];
	static u8 desc[65536];
	struct hrm_rdesc *rd;
	struct hrm_plan *plan;
	struct hrm_why why;
	size_t size;
	u8 head[2];

	while (fread(head, 1, 2, stdin) == 2) {
		size = head[0] | head[1] << 8;
		if (fread(desc, 1, size, stdin) != size)
			return 1;
		rd = hrm_rdesc_parse(desc, size, NULL);
		if (IS_ERR(rd)) {
			puts("malformed");
		} else {
			plan = hrm_plan_compile(rd, false, caps, &why);
			if (IS_ERR(plan))
				plan = hrm_plan_compile(rd, true, caps, &why);
			puts(IS_ERR(plan) ? why.text : "taken");
			if (!IS_ERR(plan))
				hrm_plan_free(plan);
			hrm_rdesc_free(rd);
		}
		fflush(stdout);
	}
	return 0;
}
