// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tools' common part over a made-up machine: parsing, finding devices, the
 * wait for an operation, and every output of fio-status against known text.
 */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/decode/decode.h"
#include "utils/lib/capacity.h"
#include "utils/lib/secure.h"
#include "utils/lib/status.h"

/* ---- the machine ---- */
static struct {
	int cards;
	struct fio_ioc_info info;
	struct fio_ioc_health health;
	struct fio_ioc_unit unit;
	int health_err;
	unsigned int progress_calls, progress_len;
	int progress_result;
	int open_fds;
	bool no_driver, no_module;
	const char *signer, *taint, *lockdown, *sig_enforce;
} fake;

static int fake_open(const char *path)
{
	int nr;

	if (sscanf(path, "/dev/fct%d", &nr) != 1 || nr >= fake.cards)
		return -ENOENT;
	fake.open_fds++;
	return 100 + nr;
}

static void fake_close(int fd)
{
	assert_true(fd >= 100);
	fake.open_fds--;
}

static int fake_progress(struct fio_ioc_progress *p)
{
	assert_int_equal(p->size, sizeof(*p));
	assert_int_equal(p->seen, fake.progress_calls);
	p->change = ++fake.progress_calls;
	p->busy = fake.progress_calls < fake.progress_len;
	p->percent = fake.progress_calls * 100 / fake.progress_len;
	p->result = p->busy ? 0 : fake.progress_result;
	return 0;
}

static int fake_ioctl(int fd, unsigned long req, void *arg)
{
	switch (req) {
	case FIO_IOC_INFO:
		memcpy(arg, &fake.info, sizeof(fake.info));
		return 0;
	case FIO_IOC_HEALTH:
		memcpy(arg, &fake.health, sizeof(fake.health));
		return fake.health_err;
	case FIO_IOC_UNIT:
		memcpy(arg, &fake.unit, sizeof(fake.unit));
		return 0;
	case FIO_IOC_PROGRESS:
		return fake_progress(arg);
	}
	return -ENOTTY;
}

static int fake_list(int *nr, int max)
{
	for (int i = 0; i < fake.cards && i < max; i++)
		nr[i] = i;
	return fake.cards;
}

static int fake_pci_count(void)
{
	return fake.cards;
}

static bool fake_driver_loaded(void)
{
	return !fake.no_driver;
}

static bool fake_read_line(const char *path, char *buf, size_t len)
{
	const char *text = strstr(path, "taint") ? fake.taint :
			   strstr(path, "lockdown") ? fake.lockdown :
			   strstr(path, "sig_enforce") ? fake.sig_enforce : NULL;

	if (text)
		snprintf(buf, len, "%s", text);
	return text;
}

static bool fake_module_signer(char *buf, size_t len)
{
	snprintf(buf, len, "%s", fake.signer ? fake.signer : "");
	return !fake.no_module;
}

static const struct fio_sys fake_sys = {
	.open = fake_open, .ioctl = fake_ioctl, .close = fake_close,
	.list = fake_list, .pci_count = fake_pci_count,
	.driver_loaded = fake_driver_loaded,
	.read_line = fake_read_line,
	.module_signer = fake_module_signer,
};

static void fill_info(struct fio_ioc_info *i)
{
	*i = (struct fio_ioc_info) {
		.size = sizeof(*i), .abi = FIO_IOC_ABI, .state = FIO_CARD_LIVE,
		.driver_version = "0.1.0", .driver_build = "7", .card_name = "fct0",
		.disk_name = "fioa", .product = "ioDIMM3 320G MLC",
		.part_number = "00276700903", .serial = "443248",
		.adapter_product = "Fusion-io ioDrive Duo 640GB",
		.adapter_name = "ioDrive Duo HL", .adapter_part_number = "00190000108",
		.adapter_product_number = "FS3-204-320-CS",
		.adapter_serial = "440178", .adapter_fio_serial = "440178",
		.slot_name = "Upper", .adapter_modules = 2,
		.fw_version = { 7, 1, 13, 0 }, .fw_revision = 109322,
		.interface_version = 1 << 16, .pci_address = "0000:00:04.0",
		.pci_vendor = 0x1aed, .pci_device = 0x1005,
		.pci_subvendor = 0x1aed, .pci_subdevice = 0x1010, .pci_slot = 3,
		.link_width = 4, .link_mtps = 2500, .numa_node = -1,
		.advertised_bytes = 320000000000ULL, .raw_bytes = 400000000000ULL,
		.rated_bytes = 5000000000000000ULL,
	};
}

static void fill_health(struct fio_ioc_health *h)
{
	*h = (struct fio_ioc_health) {
		.size = sizeof(*h), .temp_mc = 63980, .temp_max_mc = 64470,
		.board_temp_mc = -1, .vccint_mv = 1020, .vccint_max_mv = 1020,
		.vccaux_mv = 2480, .vccaux_max_mv = 2480, .bus_mv = 11930,
		.bus_min_mv = 11880, .bus_max_mv = 11940, .bus_ma = 890,
		.bus_max_ma = 1280, .bus_mw = 10830, .bus_max_mw = 15230,
		.power_limit_mw = 24750, .slot_power_mw = 25000, .plp = 1,
		.reserve_permyriad = 10000, .reserve_warn_permyriad = 1000,
		.active_media_permyriad = 10000,
		.bytes_written = 29684767106744ULL, .bytes_read = 34299628056072ULL,
	};
}

static void fill_unit(struct fio_ioc_unit *u)
{
	*u = (struct fio_ioc_unit) {
		.size = sizeof(*u), .attached = 1, .format_version = 500,
		.lba_bytes = 512, .blocks = 625000000,
		.uuid = { 0x43, 0x83, 0x6c, 0x20, 0x27, 0x82, 0x42, 0x79,
			  0x91, 0xa3, 0x25, 0xac, 0x72, 0xc1, 0xa2, 0x70 },
		.ram_current = 136650432, .ram_peak = 2621233792ULL,
	};
}

static int setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	fake.cards = 1;
	fill_info(&fake.info);
	fill_health(&fake.health);
	fill_unit(&fake.unit);
	fio_sys = &fake_sys;
	return 0;
}

/* ---- parsing ---- */
static void test_sizes(void **state)
{
	static const struct {
		const char *s;
		unsigned long long v;
	} good[] = {
		{ "4096", 4096 }, { "8G", 8000000000ULL }, { "1.5T", 1500000000000ULL },
		{ "160GB", 160000000000ULL }, { "50%", 500 }, { "7k", 7000 }, { "9B", 9 },
	};
	static const char *const bad[] = {
		"", "0", "-1", "G", "8X", "101%", "8GG", "8G1", "nan", "inf", "1e40", "50%B",
	};
	unsigned long long v;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(fio_parse_size(good[i].s, 1000, &v), 0);
		assert_int_equal(v, good[i].v);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fio_parse_size(bad[i], 1000, &v), -EINVAL);
	assert_int_equal(fio_parse_size("50%", 0, &v), -EINVAL);
}

/* What the three ways to name a capacity mean, and which are refused. */
static void test_capacity(void **state)
{
	static const struct fio_capacity_limits card = {
		.advertised = 320000000000ULL, .raw = 400000000000ULL,
		.most = 380000002048ULL,
	};
	static const struct {
		struct fio_capacity_wish wish;
		unsigned long long bytes;	/* 0: refused */
	} c[] = {
		{ { .size = "160G" }, 160000000000ULL },
		{ { .size = "80%" }, 256000000000ULL },
		{ { .size = "100%" }, 320000000000ULL },
		{ { .size = "5000" }, 4096 },
		{ { .size = "4095" }, 0 },
		{ { .size = "321G" }, 0 },
		{ { .size = "eighty" }, 0 },
		{ { .overformat = "110%" }, 352000000000ULL },
		{ { .overformat = "350G" }, 350000000000ULL - 350000000000ULL % 4096 },
		{ { .overformat = "380000002048" }, 380000002048ULL - 380000002048ULL % 4096 },
		{ { .overformat = "125%" }, 0 },	/* more than there is */
		{ { .overformat = "0%" }, 0 },
		{ { .overformat = "110%%" }, 0 },
		{ { .spare = "100%" }, 200000000000ULL },
		{ { .spare = "60" }, 250000000000ULL - 250000000000ULL % 4096 },
		{ { .spare = "20%" }, 0 },		/* more than advertised */
		{ { .spare = "-5%" }, 0 },
		{ { .size = "80%", .spare = "30%" }, 0 },
	};
	unsigned long long v;

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		enum fio_exit ret = fio_capacity("/dev/fct0", &c[i].wish, &card, &v);

		assert_int_equal(ret, c[i].bytes ? FIO_EXIT_OK : FIO_EXIT_USAGE);
		if (!ret)
			assert_int_equal(v, c[i].bytes);
	}
	assert_int_equal(fio_capacity("x", &(struct fio_capacity_wish) { }, &card, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal((int)fio_spare_percent(&card, 320000000000ULL), 25);
}

/* What --parity on asks of a card, by what its driver says. */
static void test_parity(void **state)
{
	static const struct {
		struct fio_capacity_wish wish;
		__u64 most_parity;
		int ret;
		const char *says;
	} c[] = {
		{ { .parity = FIO_PARITY_ON }, 0, FIO_EXIT_ERROR, "cannot keep parity" },
		{ { .parity = FIO_PARITY_ON }, 300000000000ULL, FIO_EXIT_USAGE,
		  "--device-size of at most 300.00 GB (300000000000 bytes)" },
		{ { .parity = FIO_PARITY_ON }, 320000000000ULL, FIO_EXIT_OK, "" },
		{ { .parity = FIO_PARITY_ON, .size = "301G" }, 300000000000ULL, FIO_EXIT_USAGE,
		  "--parity off" },
		{ { .parity = FIO_PARITY_ON, .size = "300G" }, 300000000000ULL, FIO_EXIT_OK, "" },
		{ { .parity = FIO_PARITY_ON, .size = "300G" }, FIO_NO_VALUE64, FIO_EXIT_OK, "" },
		{ { .parity = FIO_PARITY_OFF, .size = "310G" }, 0, FIO_EXIT_OK, "" },
		{ { .size = "310G" }, 300000000000ULL, FIO_EXIT_OK, "" },
		{ { .overformat = "110%" }, 0, FIO_EXIT_USAGE, "at most 350.00 GB" },
	};
	struct fio_dev dev = { .path = "/dev/fct0" };
	struct fio_capacity_limits card;
	__u32 parity = 7;
	__u64 bytes;
	FILE *saved;
	size_t len;
	char *said;

	fake.health.format_most_bytes = 350000000000ULL;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		fake.health.format_most_parity_bytes = c[i].most_parity;
		saved = stderr;
		stderr = open_memstream(&said, &len);
		assert_int_equal(fio_ask_capacity(&dev, &fake.info, &c[i].wish, &card, &bytes),
				 c[i].ret);
		fclose(stderr);
		stderr = saved;
		if (c[i].says[0])
			assert_non_null(strstr(said, c[i].says));
		else
			assert_string_equal(said, "");
		free(said);
	}
	assert_int_equal(fio_parse_parity("on", &parity), 0);
	assert_int_equal(parity, FIO_PARITY_ON);
	assert_int_equal(fio_parse_parity("default", &parity), 0);
	assert_int_equal(parity, FIO_PARITY_DEFAULT);
	assert_int_equal(fio_parse_parity("yes", &parity), -EINVAL);
	assert_int_equal(parity, FIO_PARITY_DEFAULT);
}

static void test_commas(void **state)
{
	char b[32];

	assert_string_equal(fio_commas(0, b), "0");
	assert_string_equal(fio_commas(999, b), "999");
	assert_string_equal(fio_commas(1000, b), "1,000");
	assert_string_equal(fio_commas(29684767106744ULL, b), "29,684,767,106,744");
	assert_string_equal(fio_commas(~0ULL, b), "18,446,744,073,709,551,615");
}

/* ---- devices ---- */
static void test_open(void **state)
{
	static const char *const good[] = { "/dev/fct0", "fct0", "/dev/fioa", "fioa" };
	struct fio_dev dev;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(fio_dev_open(good[i], &dev), FIO_EXIT_OK);
		assert_string_equal(dev.path, "/dev/fct0");
		fio_dev_close(&dev);
	}
	assert_int_equal(fio_dev_open("/dev/fct1", &dev), FIO_EXIT_NODEV);
	assert_int_equal(fio_dev_open("/dev/fiob", &dev), FIO_EXIT_NODEV);
	assert_int_equal(fio_dev_open("/dev/sda", &dev), FIO_EXIT_USAGE);
	assert_int_equal(fio_dev_open("fct0x", &dev), FIO_EXIT_USAGE);
	assert_int_equal(fio_dev_open("fct-1", &dev), FIO_EXIT_USAGE);
	assert_int_equal(fake.open_fds, 0);
}

static void test_wait(void **state)
{
	struct fio_dev dev = { .fd = 100, .name = "fct0", .path = "/dev/fct0" };
	struct fio_ioc_progress p;

	fake.progress_len = 5;
	assert_int_equal(fio_dev_wait(&dev, "Testing", FIO_QUIET, &p), 0);
	assert_int_equal(fake.progress_calls, 5);
	fake.progress_calls = 0;
	fake.progress_result = -EIO;
	assert_int_equal(fio_dev_wait(&dev, "Testing", FIO_QUIET, &p), -EIO);
}

/* ---- fio-status ---- */
static char *print_text(enum status_detail d)
{
	static struct machine_status m;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(status_gather(&m, NULL), FIO_EXIT_OK);
	status_print_text(f, &m, d);
	fclose(f);
	return text;
}

static const char golden_all[] =
"\nFound 1 ioMemory device in this system with 1 ioDrive Duo HL\n"
"Driver version: 0.1.0 build 7\n"
"Driver modules: not signed\n"
"\nAdapter: Dual Adapter\n"
"\tFusion-io ioDrive Duo 640GB, Product Number:FS3-204-320-CS, SN:440178, FIO SN:440178\n"
"\tioDrive Duo HL, PN:00190000108\n"
"\tExternal Power: NOT connected\n"
"\tPCIe Bus voltage: avg 11.93V min 11.88V max 11.94V\n"
"\tPCIe Bus current: avg 0.89A max 1.28A\n"
"\tPCIe Bus power: avg 10.83W max 15.23W\n"
"\tPCIe Power limit threshold: 24.75W\n"
"\tPCIe slot available power: 25.00W\n"
"\tConnected ioMemory modules:\n"
"\t  fct0:\tSN:443248\n"
"\nfct0\tAttached\n"
"\tioDIMM3 320G MLC, SN:443248\n"
"\tioDIMM3 320G MLC, PN:00276700903\n"
"\tLocated in slot 0 Upper of ioDrive Duo HL SN:440178\n"
"\tPowerloss protection: protected\n"
"\tPCI:00:04.0, Slot Number:3\n"
"\tVendor:1aed, Device:1005, Sub vendor:1aed, Sub device:1010\n"
"\tFirmware v7.1.13, rev 109322 Public\n"
"\t320.00 GBytes device size\n"
"\tFormat: v500, 625000000 sectors of 512 bytes\n"
"\tPCIe slot available power: 25.00W\n"
"\tPCIe negotiated link: 4 lanes at 2.5 Gt/sec each, 1000.00 MBytes/sec total\n"
"\tInternal temperature: 63.98 degC, max 64.47 degC\n"
"\tInternal voltage: avg 1.02V, max 1.02V\n"
"\tAux voltage: avg 2.48V, max 2.48V\n"
"\tReserve space status: Healthy; Reserves: 100.00%, warn at 10.00%\n"
"\tActive media: 100.00%\n"
"\tRated PBW: 5.00 PB, 99.41% remaining\n"
"\tLifetime data volumes:\n"
"\t   Physical bytes written: 29,684,767,106,744\n"
"\t   Physical bytes read   : 34,299,628,056,072\n"
"\tRAM usage:\n"
"\t   Current: 136,650,432 bytes\n"
"\t   Peak   : 2,621,233,792 bytes\n"
"\tContained VSUs:\n"
"\t  fioa:\tID:0, UUID:43836c20-2782-4279-91a3-25ac72c1a270\n"
"\nfioa\tState: Online, Type: block device\n"
"\tID:0, UUID:43836c20-2782-4279-91a3-25ac72c1a270\n"
"\t320.00 GBytes device size\n"
"\tFormat: 625000000 sectors of 512 bytes\n"
"\tParity: no\n\n";

/* Signatures: what the kernel and modinfo say, and what a user is told of it. */
static void test_secure(void **state)
{
	static const struct {
		const char *signer, *taint, *lockdown, *sig_enforce;
		bool loaded, no_module;
		const char *text, *refusal;	/* NULL: none */
	} c[] = {
		{ .taint = "OE", .loaded = true, .text = "not signed" },
		{ .signer = "K", .taint = "O", .loaded = true,
		  .text = "signed by K, trusted by this kernel" },
		{ .signer = "K", .taint = "OE", .loaded = true, .lockdown = "[none] integrity confidentiality",
		  .text = "signed by K, by a key this kernel does not trust" },
		{ .signer = "K", .lockdown = "none [integrity] confidentiality", .text = "signed by K",
		  .refusal = "(lockdown: integrity).\nfio-hal is signed by 'K'" },
		{ .lockdown = "[none] integrity confidentiality", .sig_enforce = "Y", .text = "not signed",
		  .refusal = "(module.sig_enforce).\nfio-hal is not signed" },
		{ .sig_enforce = "N", .text = "not signed" },
		{ .no_module = true, .sig_enforce = "Y", .text = "no module file for this kernel",
		  .refusal = "install fio-driver-dkms" },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct fio_secure s;
		char buf[192], *said = NULL;
		size_t len;
		FILE *f = open_memstream(&said, &len);

		fake.signer = c[i].signer;
		fake.taint = c[i].taint;
		fake.lockdown = c[i].lockdown;
		fake.sig_enforce = c[i].sig_enforce;
		fake.no_driver = !c[i].loaded;
		fake.no_module = c[i].no_module;
		fio_secure_gather(&s);
		assert_string_equal(fio_secure_text(&s, buf, sizeof(buf)), c[i].text);
		fio_secure_print_refusal(f, &s);
		fclose(f);
		if (c[i].refusal)
			assert_non_null(strstr(said, c[i].refusal));
		else
			assert_string_equal(said, "");
		free(said);
	}
}

static void test_text_all(void **state)
{
	char *t = print_text(STATUS_ALL);

	assert_string_equal(t, golden_all);
	free(t);
}

/* Each value must come from the card: change it, and the text must change. */
static void test_text_follows(void **state)
{
	static const struct {
		unsigned int *field;
		const char *text;
	} change[] = {
		{ &fake.health.bus_mv, "PCIe Bus voltage: avg 1.23V" },
		{ &fake.health.bus_ma, "PCIe Bus current: avg 1.23A" },
		{ &fake.health.bus_max_mw, "max 1.23W" },
		{ &fake.health.power_limit_mw, "threshold: 1.23W" },
		{ &fake.health.slot_power_mw, "slot available power: 1.23W" },
		{ &fake.health.vccint_mv, "Internal voltage: avg 1.23V" },
		{ &fake.health.vccaux_max_mv, "max 1.23V" },
		{ &fake.info.fw_revision, "rev 1234 Public" },
		{ &fake.info.pci_slot, "Slot Number:1234" },
		{ &fake.info.link_width, "1234 lanes" },
		{ &fake.health.reserve_permyriad, "Reserves: 12.34%" },
		{ &fake.health.active_media_permyriad, "Active media: 12.34%" },
	};

	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		unsigned int old = *change[i].field;
		char *t;

		*change[i].field = 1234;
		t = print_text(STATUS_ALL);
		assert_non_null(strstr(t, change[i].text));
		assert_null(strstr(golden_all, change[i].text));
		*change[i].field = old;
		free(t);
	}
}

static void test_text_unavailable(void **state)
{
	char *t;

	fake.health.slot_power_mw = FIO_NO_VALUE;
	fake.info.pci_slot = FIO_NO_VALUE;
	t = print_text(STATUS_ALL);
	assert_non_null(strstr(t, "PCIe slot available power: unavailable"));
	assert_null(strstr(t, "Slot Number"));
	free(t);
}

static void test_warnings(void **state)
{
	struct machine_status *m = calloc(1, sizeof(*m));
	char *t;

	status_gather(m, "/dev/fct0");
	assert_false(status_degraded(m));
	fake.health.plp = 2;
	fake.unit.read_only = 1;
	status_gather(m, "/dev/fct0");
	assert_true(status_degraded(m));
	t = print_text(STATUS_BASIC);
	assert_non_null(strstr(t, "!! ---> There are active errors or warnings"));
	assert_non_null(strstr(t, "WARNING: READ-ONLY MODE. ALL WRITES WILL FAIL!"));
	assert_non_null(strstr(t, "Powerloss protection: FAILED"));
	assert_non_null(strstr(t, "Reserve space status: Read-only"));
	free(t);
	fake.health_err = -ETIMEDOUT;
	t = print_text(STATUS_ALL);
	assert_non_null(strstr(t, "did not answer when asked for telemetry"));
	free(t);
	fake.info.state = FIO_CARD_MINIMAL;
	fake.info.reason = FIO_REASON_GEOMETRY;
	fake.unit.attached = 0;
	fake.health_err = -ENODEV;
	t = print_text(STATUS_ERRORS);
	assert_non_null(strstr(t, "fct0\tMinimal mode (the card reports a geometry"));
	free(t);
	free(m);
}

/* What the driver says of the medium's health is shown, and is a reason to look. */
static void test_media_health(void **state)
{
	struct machine_status *m = calloc(1, sizeof(*m));
	struct json_object *tree;
	char *t;

	fake.unit.health = FIO_HEALTH_WRITE_REDUCED;
	fake.unit.health_reasons = FIO_WHY_RESERVE_OUT | FIO_WHY_WEAR;
	strcpy(fake.unit.health_text, "the reserve is used up");
	fake.health.reserve_permyriad = 0;
	t = print_text(STATUS_ALL);
	assert_non_null(strstr(t, "WRITE-REDUCED MODE. WRITES ARE SLOWED DOWN!"));
	assert_non_null(strstr(t, "as often as it is rated for"));
	assert_null(strstr(t, "metadata was lost"));
	assert_non_null(strstr(t, "Reserve space status: Reduced-write; Reserves: 0.00%"));
	assert_non_null(strstr(t, "Media status: Write-reduced: the reserve is used up"));
	free(t);
	fake.unit.parity = 1;
	t = print_text(STATUS_ALL);
	assert_non_null(strstr(t, "\tParity: yes\n"));
	free(t);
	status_gather(m, NULL);
	assert_true(status_degraded(m));
	tree = status_tree(m, false);
	assert_string_equal(status_field(tree, "parity"), "yes");
	assert_string_equal(status_field(tree, "media_status"), "Write-reduced");
	assert_string_equal(status_field(tree, "media_status_reason"), "the reserve is used up");
	json_object_put(tree);
	free(m);
}

static void test_ram_kinds(void **state)
{
	char *t;

	fake.unit.ram_map = 131072000;
	fake.unit.ram_map_peak = 131072001;
	fake.unit.ram_scan_peak = 7777;
	fake.unit.preallocated = 1;
	t = print_text(STATUS_ALL);
	assert_non_null(strstr(t, "   Map:     131,072,000 bytes, peak 131,072,001\n"));
	assert_non_null(strstr(t, "   Scan:    0 bytes, peak 7,777\n"));
	assert_non_null(strstr(t, "Preallocated"));
	free(t);
}

static void test_no_driver(void **state)
{
	char *t;

	fake.cards = 0;
	t = print_text(STATUS_ALL);
	assert_string_equal(t, "\nFound 0 ioMemory devices in this system\n\n");
	free(t);
	fake.no_driver = true;
	t = print_text(STATUS_ALL);
	assert_string_equal(t, "\nFound 0 ioMemory devices in this system\nDriver not loaded\n\n");
	free(t);
}

/* A card that never answered IDENTIFY: nothing is made up, nothing is absurd. */
static void test_minimal(void **state)
{
	char *t;

	memset(&fake.info.product, 0, sizeof(fake.info.product));
	memset(&fake.info.adapter_serial, 0, sizeof(fake.info.adapter_serial));
	fake.info.state = FIO_CARD_MINIMAL;
	fake.info.reason = FIO_REASON_INTERFACE;
	fake.unit.attached = 0;
	fake.health.active_media_permyriad = FIO_NO_VALUE;
	fake.health.reserve_permyriad = FIO_NO_VALUE;
	t = print_text(STATUS_ALL);
	assert_non_null(strstr(t, "Minimal mode (the card's interface version"));
	assert_null(strstr(t, "SN:"));
	assert_null(strstr(t, "Firmware"));
	assert_null(strstr(t, "GBytes"));
	assert_non_null(strstr(t, "Active media: unavailable"));
	free(t);
}

static void test_tree(void **state)
{
	struct machine_status *m = calloc(1, sizeof(*m));
	struct json_object *tree, *again;
	const char *text;

	status_gather(m, NULL);
	tree = status_tree(m, false);
	assert_string_equal(status_field(tree, "iom.ctrl_dev_path"), "/dev/fct0");
	assert_string_equal(status_field(tree, "iom.pci_addr"), "0000:00:04.0");
	assert_string_equal(status_field(tree, "iom.format_uuid"),
			    "43836c20-2782-4279-91a3-25ac72c1a270");
	assert_string_equal(status_field(tree, "temp_internal_deg_c"), "63.98");
	assert_string_equal(status_field(tree, "reserve_space_pct"), "100.00");
	assert_string_equal(status_field(tree, "rated_writes_remaining_percent"), "99.41");
	assert_string_equal(status_field(tree, "vsu.device_path"), "/dev/fioa");
	assert_null(status_field(tree, "nothing"));
	assert_null(status_field(tree, "vsu.pci_addr"));
	assert_null(status_field(tree, "temp_board_deg_c"));
	text = json_object_to_json_string(tree);
	again = json_tokener_parse(text);
	assert_true(json_object_equal(tree, again));
	json_object_put(again);
	json_object_put(tree);
	tree = status_tree(m, true);
	assert_string_equal(status_field(tree, "temp_board_deg_c"), "unavailable");
	json_object_put(tree);
	free(m);
}

static void test_xml(void **state)
{
	struct machine_status *m = calloc(1, sizeof(*m));
	struct json_object *tree;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	strcpy(fake.info.product, "a<b>&c");
	status_gather(m, NULL);
	tree = status_tree(m, false);
	status_print_xml(f, tree);
	fclose(f);
	assert_non_null(strstr(text, "<product>a&lt;b&gt;&amp;c</product>"));
	assert_non_null(strstr(text, "</fio-status>\n"));
	json_object_put(tree);
	free(text);
	free(m);
}

static void test_decode(void **state)
{
	assert_string_equal(fio_state_name(FIO_CARD_LIVE), "attached");
	assert_string_equal(fio_state_text(999), "Unknown");
	assert_string_equal(fio_reason_text(999), "unknown reason");
	assert_string_equal(fio_health_name(FIO_HEALTH_WRITE_REDUCED), "write-reduced");
	assert_string_equal(fio_health_text(FIO_HEALTH_WARNING), "Warning");
	assert_string_equal(fio_health_text(FIO_NO_VALUE), "Unknown");
	assert_string_equal(fio_reserve_text(1000, 1000, 0), "Low metadata");
	assert_string_equal(fio_reserve_text(1001, 1000, 0), "Healthy");
	assert_string_equal(fio_reserve_text(0, 1000, 0), "Reduced-write");
	assert_string_equal(fio_reserve_text(5000, 1000, 1), "Read-only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sizes, setup),
		cmocka_unit_test_setup(test_capacity, setup),
		cmocka_unit_test_setup(test_parity, setup),
		cmocka_unit_test_setup(test_commas, setup),
		cmocka_unit_test_setup(test_open, setup),
		cmocka_unit_test_setup(test_wait, setup),
		cmocka_unit_test_setup(test_secure, setup),
		cmocka_unit_test_setup(test_text_all, setup),
		cmocka_unit_test_setup(test_text_follows, setup),
		cmocka_unit_test_setup(test_text_unavailable, setup),
		cmocka_unit_test_setup(test_warnings, setup),
		cmocka_unit_test_setup(test_media_health, setup),
		cmocka_unit_test_setup(test_ram_kinds, setup),
		cmocka_unit_test_setup(test_no_driver, setup),
		cmocka_unit_test_setup(test_minimal, setup),
		cmocka_unit_test_setup(test_tree, setup),
		cmocka_unit_test_setup(test_xml, setup),
		cmocka_unit_test_setup(test_decode, setup),
	};

	return cmocka_run_group_tests_name("utils", tests, NULL, NULL);
}
