// The kernel's gpio-sim and irq_sim in one module, for kernels that are built without them.
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
// Of the kernel's own ways to a descriptor only this is exported.
#define irq_to_desc(irq) irq_data_to_desc(irq_get_irq_data(irq))
#include "irq_sim.c"
#include "gpio-sim.c"
