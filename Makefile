# SPDX-License-Identifier: GPL-2.0-only
# Front door. `make help` lists the targets.

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
.DEFAULT_GOAL := help

include ci/mk/host.mk

help: ## explain every target
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

unit: unit-build ## unit tests under ASan and UBSan
	$(Q)for t in $(unit-tests); do $(ASAN_DIR)/$$t || exit 1; done

.PHONY: help unit
