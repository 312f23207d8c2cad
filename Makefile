# SPDX-License-Identifier: GPL-2.0-only
# Front door. `make help` lists the targets; each is one line that calls a script
# in ci/ or a rule of ci/mk/host.mk, so that CI and people run the same thing.

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
.DEFAULT_GOAL := help

KERNEL ?= 6.1
DEPTH ?= 3

# `make run SHELL=1` sets make's own SHELL, which would then run the recipes
guest-shell := $(filter 1,$(SHELL))
override SHELL := /bin/sh

include ci/mk/host.mk

help: ## explain every target
	@awk -F':.*## ' '/^[a-z_.-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  KERNEL=NAME            the guest kernel of run, modules and bench (6.1), of ci/kernels.list'
	@echo '  K="5.10 7.3" FORCE=1   make matrix: these kernels only; also those that passed before'
	@echo '  SHELL=1                make run: leave a prompt in the guest, card attached'
	@echo '  ONLY=a,e               make run: only these checks, and what they need'
	@echo '  DEPTH=N                make crash: length of the workloads (3)'
	@echo '  JOBS=N MINUTES=N       make crash-long: processes, when to stop for today'
	@echo '  WA=--workload=zipf0.99  make wa: options of build/host/fio-wa (--help)'
	@echo '  V=1                    show the commands'
	@echo '  ACCEL=tcg|kvm          do not choose the accelerator by trying'
	@echo '  FIO_CACHE=DIR          where downloads are kept (~/.cache/fio-flash)'

setup: ## install and download all that the other targets need
	$(Q)ci/setup host lint vm $(KERNEL)

module: ## the modules for the kernel that runs here, with its own compiler (KREL=release: for that one)
	$(Q)ci/module $(KREL)

gpl: module ## the same, under its old name

dkms: ## the modules through DKMS, on this machine or in a root that shows it (build/dkms)
	$(Q)ci/package dkms

deb: ## Debian packages, and modules for each kernel of ci/kernels.list that is here (build/deb)
	$(Q)ci/setup package && ci/package deb && ci/package modules-here && ci/package lintian

dpkg: deb ## the same, under its old name

rpm: ## RPM packages: DKMS, tools, boot files, modules per kernel (build/rpm)
	$(Q)ci/setup package && ci/package rpm

dist: ## release tarball, bill of materials and checksums, made twice and compared (build/dist)
	$(Q)ci/dist --check

package-check: ## packages built twice, lintian, installed, upgraded, removed, DKMS after a new kernel
	$(Q)ci/test package dist

modules: ## build fio-hal.ko and fio-blk.ko for KERNEL (build/kmod)
	$(Q)ci/kmod-build $(KERNEL)

run: ## a virtual card in a VM: every check of the main job
	$(Q)KERNEL=$(KERNEL) ONLY='$(ONLY)' GUEST_SHELL=$(guest-shell) ci/run

matrix: ## every kernel of ci/kernels.list: build, sparse, boot, verify, power cut, unload (build/matrix.json)
	$(Q)ci/matrix.py $(K)

test: ## lint, unit tests, crash runner, bad input, VM smoke on the oldest and the newest kernel
	$(Q)ci/test

lint: ## checkpatch, sparse, W=1, include table, function lengths, scripts
	$(Q)ci/lint

unit: ## unit tests under ASan and UBSan
	$(Q)ci/test unit

crash: ## crash runner: all workloads of length DEPTH, a crash at every step
	$(Q)DEPTH=$(DEPTH) ci/test crash

crash-long: ## workloads of length 4, hours: say again to go on (MINUTES=N; build/crash-long.json)
	$(Q)$(MAKE) -s build/host/fio-crash && build/host/fio-crash --depth 4 --jobs $(or $(JOBS),$(shell nproc)) \
		--resume build/crash-long.state --json build/crash-long.json $(if $(MINUTES),--minutes $(MINUTES))

mutants: ## seeded mistakes in the FTL core, which the crash runner must all find
	$(Q)ci/test mutants

faults: ## every fault of the medium at every place, CORRUPTIONS (10^7) pages come back changed (build/faults.json)
	$(Q)$(MAKE) -s build/host/fio-faults && build/host/fio-faults --corruptions $(or $(CORRUPTIONS),10000000) --known tests/faults/known.txt --json build/faults.json

fuzz: ## libFuzzer on the FTL core, FUZZ_SECONDS (600) for each target (build/fuzz/fuzz.json)
	$(Q)ci/setup host fuzz && $(MAKE) -s fuzz-build && tests/fuzz/run-fuzz --seconds $(or $(FUZZ_SECONDS),600)

bad-input: ## wrong sizes, foreign files, absurd geometry: clear errors, no hang
	$(Q)ci/test bad-input

vm-smoke: ## the short checks in a VM on KERNEL
	$(Q)SMOKE_KERNELS=$(KERNEL) ci/test vm-smoke

vm-boot: ## a Debian 12 with root on the card, and file systems that wait for a slow attach
	$(Q)ci/setup host package boot vm 6.1
	$(Q)$(MAKE) -s host && ci/package deb && ci/package modules 6.1 && ci/boot-root 6.1
	$(Q)python3 tests/vm/boot.py

vm-secure: ## unsigned modules refused, signed ones taken under Secure Boot, and what fio-status says
	$(Q)ci/setup host vm $(KERNEL) && $(MAKE) -s host && ci/kmod-build $(KERNEL) && ci/secure $(KERNEL)
	$(Q)python3 tests/vm/secure.py --kernel $(KERNEL)

vm-dkms: ## modules that DKMS has built, in a VM (after make package-check)
	$(Q)ci/setup host vm 6.1 && $(MAKE) -s host
	$(Q)python3 tests/vm/run.py --kernel 6.1 --modules build/dkms --only abgh --json build/vm-dkms.json

vm-faults: ## every fault switch of the card, in a VM on KERNEL (ONLY=name,...)
	$(Q)ci/setup host vm $(KERNEL)
	$(Q)$(MAKE) -s host
	$(Q)ci/kmod-build $(KERNEL)
	$(Q)python3 tests/vm/faults.py --kernel $(KERNEL) --only '$(ONLY)'

bench: ## /dev/fioa beside null_blk and an emulated NVMe, in one boot
	$(Q)KERNEL=$(KERNEL) ci/bench

stress: tsan-build ## the FTL core among threads under ThreadSanitizer, OPS operations of each (20000)
	$(Q)tests/stress/run $(or $(OPS),20000) 6

ftl-bench: host ## ns per 4 KiB through the FTL core, 1 to N threads, beside floors (build/ftl-bench.json)
	$(Q)tests/perf/ftl_bench.py

wa: ## write amplification of the FTL core beside theory and other policies (build/wa.json, build/wa/*.svg)
	$(Q)$(MAKE) -s build/host/fio-wa && build/host/fio-wa --json build/wa.json --plots build/wa \
		--cache build/wa/runs --midas $(WA)

tail: ## latency of reads beside full-rate overwrite on modelled MLC flash (build/tail.json)
	$(Q)$(MAKE) -s build/host/fio-tail && build/host/fio-tail --json build/tail.json $(TAIL)

recovery: host ## seconds, bytes and memory of an attach against capacity and history (build/recovery.json, .svg)
	$(Q)tests/recovery/recovery.py $(RECOVERY)

repro: ## run one failed test again: make repro ID=<the id it printed>
	$(Q)ci/test --repro '$(ID)'

compile_commands.json: host ## for clangd: how every file is compiled
	$(Q)ci/compile-commands.py >$@.tmp && mv $@.tmp $@

clean: ## remove build/; downloads stay in the cache
	$(Q)rm -rf --one-file-system build compile_commands.json

.PHONY: help setup modules run test lint unit crash mutants bad-input vm-smoke vm-faults bench ftl-bench stress repro clean
.PHONY: module gpl dkms deb dpkg rpm dist package-check vm-boot vm-dkms vm-secure
.PHONY: matrix wa tail recovery fuzz faults crash-long
.PHONY: compile_commands.json
