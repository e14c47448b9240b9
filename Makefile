# SPDX-License-Identifier: GPL-2.0-only
# The commands of the project; "make help" lists them. The kernel's build
# system does not read this file but Kbuild.

KDIR ?= /lib/modules/$(shell uname -r)/build

.DEFAULT_GOAL := modules
MAKEFLAGS += --no-print-directory

.PHONY: modules modules_install clean stock run shell check check-all kunit kselftest bench lint kdir help

modules: kdir ## build the modules for KDIR=DIR (default: the running kernel)
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

modules_install: modules ## install them, as the kernel's own target does (INSTALL_MOD_PATH=DIR)
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

stock: ## build the modules for the stock test kernel, in build/stock
	@scripts/build

run: ## the tour: load, move data, strict against batched, a fault, unload
	@scripts/run

shell: ## a prompt in a VM with the modules loaded
	@scripts/vm --interactive -- bash -i

check: ## lint, KUnit and kselftests; ends with "N passed, N failed, N skipped"
	@scripts/check

check-all: ## all kernels and their debug builds (STEP=NAME for one)
	@scripts/check-all $(STEP)

kunit: ## KUnit under user-mode Linux (FILTER=GLOB, KERNEL=7.2, DEBUG=1)
	@scripts/kunit $(if $(KERNEL),--kernel $(KERNEL)) $(if $(DEBUG),--debug) $(FILTER)

kselftest: ## the kselftests in a VM (T=NAME for one, KERNEL=7.2, DEBUG=1)
	@scripts/kselftest $(if $(KERNEL),--kernel $(KERNEL)) $(if $(DEBUG),--debug) $(T)

bench: ## what the code costs beside what the kernel has (BOOTS=N, ONLY=PREFIX,...)
	@scripts/bench $(if $(BOOTS),--boots $(BOOTS)) $(if $(ONLY),--only $(ONLY))

lint: ## style, sparse, kernel-doc, shell, documentation, layering
	@scripts/lint

clean: ## remove what was built here (the cache of kernels stays)
	rm -rf build
	find Kbuild drivers include \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name 'modules.order' \) -type f -delete 2>/dev/null || true
	rm -f modules.order Module.symvers .module-common.o .*.cmd

kdir:
	@[ -e $(KDIR)/Makefile ] || { \
		echo "No kernel to build against in $(KDIR). Give one with KDIR=DIR, or use"; \
		echo "'make stock' to build for the test kernel (fetched when needed)."; exit 1; } >&2

help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@echo "Every script in scripts/ explains itself with --help."
