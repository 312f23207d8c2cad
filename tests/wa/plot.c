// SPDX-License-Identifier: GPL-2.0-only
/*
 * One picture per workload, as SVG text: write amplification over time at the
 * tightest over-provisioning to the left, and what each policy settles at for
 * every over-provisioning to the right.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "report.h"

#define WIDTH	900
#define HEIGHT	350
#define TOP	60
#define BASE	300		/* y of the axis */
#define LEFT	50
#define MIDDLE	430		/* right end of the curves */
#define BARS	480
#define RIGHT	880

static const char *const colours[WA_POLICIES] = {
	[WA_DRIVER] = "#c0392b", [WA_LADDER] = "#e59866", [WA_GREEDY] = "#95a5a6",
	[WA_SEPBIT] = "#2e86c1", [WA_ORACLE] = "#27ae60",
};

struct plot {
	FILE *out;
	const struct wa_row *row[16];
	u32 rows;
	double top;		/* write amplification at the upper edge */
};

static double y_of(const struct plot *p, double wa)
{
	if (wa > p->top)
		wa = p->top;
	return BASE - (wa - 1) / (p->top - 1) * (BASE - TOP);
}

/* Greedy may be far above all others: what matters is below. */
static void find_top(struct plot *p)
{
	double top = 1.2, wa;
	u32 i, k;

	for (i = 0; i < p->rows; i++)
		for (k = 0; k < WA_POLICIES; k++) {
			wa = p->row[i]->wa[k];
			top = wa > top ? wa : top;
		}
	p->top = 1 + (top - 1) * 1.1;
}

static void grid(const struct plot *p)
{
	double step = p->top > 7 ? 2 : p->top > 3.5 ? 1 : p->top > 2 ? 0.5 : 0.1, wa;

	for (wa = 1; wa < p->top; wa += step) {
		fprintf(p->out, "<path d='M%d %.1fH%dM%d %.1fH%d' stroke='#ddd'/>\n", LEFT,
			y_of(p, wa), MIDDLE, BARS, y_of(p, wa), RIGHT);
		fprintf(p->out, "<text x='%d' y='%.1f' text-anchor='end'>%.1f</text>\n", LEFT - 6,
			y_of(p, wa) + 4, wa);
	}
}

static void curve(const struct plot *p, u32 policy)
{
	const struct wa_row *row = p->row[0];
	const struct wa_result *r = row->result[policy][0];
	u32 w;

	if (!row->ran[policy])
		return;
	fprintf(p->out, "<polyline fill='none' stroke='%s' stroke-width='%s' points='",
		colours[policy], policy == WA_DRIVER ? "2.5" : "1.5");
	for (w = 0; w < r->windows; w++)
		fprintf(p->out, "%.1f,%.1f ",
			LEFT + (w + 0.5) * (MIDDLE - LEFT) / r->windows, y_of(p, r->curve[w]));
	fprintf(p->out, "'/>\n");
}

static void curves(const struct plot *p)
{
	u32 k, t;

	for (k = WA_POLICIES; k--; )
		curve(p, k);
	for (t = 0; t <= p->row[0]->passes; t += 4)
		fprintf(p->out, "<text x='%d' y='%d' text-anchor='middle'>%u</text>\n",
			LEFT + (int)(t * (MIDDLE - LEFT) / p->row[0]->passes), BASE + 18, t);
	fprintf(p->out, "<text x='%d' y='%d' text-anchor='middle'>writes / capacity, at %.1f %% over-provisioning</text>\n",
		(LEFT + MIDDLE) / 2, BASE + 38, p->row[0]->op * 100);
}

static void group(const struct plot *p, u32 i)
{
	const struct wa_row *row = p->row[i];
	double wide = (double)(RIGHT - BARS) / p->rows, bar = wide * 0.8 / WA_POLICIES;
	double x = BARS + i * wide + wide * 0.1, y;
	u32 k;

	for (k = 0; k < WA_POLICIES; k++) {
		y = y_of(p, row->wa[k] > 1 ? row->wa[k] : 1);
		fprintf(p->out, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'><title>%s %.3f</title></rect>\n",
			x + k * bar, y, bar - 1, BASE - y, colours[k], wa_policy_names[k],
			row->wa[k]);
	}
	if (row->theory > 1)
		fprintf(p->out, "<path d='M%.1f %.1fh%.1f' stroke='black' stroke-dasharray='3 2'/>\n",
			x, y_of(p, row->theory), wide * 0.8);
	fprintf(p->out, "<text x='%.1f' y='%d' text-anchor='middle'>%.1f %%: %.2f</text>\n",
		x + wide * 0.4, BASE + 18, row->op * 100, row->wa[WA_DRIVER]);
}

static void legend(const struct plot *p)
{
	u32 k, x = BARS;

	for (k = 0; k < WA_POLICIES; k++, x += 82)
		fprintf(p->out, "<rect x='%u' y='38' width='10' height='10' fill='%s'/><text x='%u' y='47'>%s</text>\n",
			x, colours[k], x + 14, wa_policy_names[k]);
}

static void draw(struct plot *p)
{
	u32 i;

	find_top(p);
	fprintf(p->out, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' font-size='12'>\n",
		WIDTH, HEIGHT);
	fprintf(p->out, "<rect width='%d' height='%d' fill='white'/>\n", WIDTH, HEIGHT);
	fprintf(p->out, "<text x='%d' y='24' font-size='14'>Write amplification: %s</text>\n", LEFT,
		p->row[0]->about);
	grid(p);
	curves(p);
	for (i = 0; i < p->rows; i++)
		group(p, i);
	fprintf(p->out, "<text x='%d' y='%d' text-anchor='middle'>over-provisioning: the driver's; dashes: theory</text>\n",
		(BARS + RIGHT) / 2, BASE + 38);
	fprintf(p->out, "<path d='M%d %dV%dH%dM%d %dH%d' fill='none' stroke='black'/>\n", LEFT, TOP,
		BASE, MIDDLE, BARS, BASE, RIGHT);
	legend(p);
	fprintf(p->out, "</svg>\n");
}

static int draw_file(struct plot *p, const char *dir)
{
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/%s.svg", dir, p->row[0]->name);
	p->out = fopen(path, "w");
	if (p->out) {
		draw(p);
		if (!ferror(p->out) && !fclose(p->out))
			return 0;
	}
	err = errno ? errno : EIO;
	fprintf(stderr, "fio-wa: cannot write %s: %s\n", path, strerror(err));
	return -err;
}

/* Rows of one workload follow each other, the tightest first. */
int report_plots(const struct wa_row *row, u32 rows, const char *dir)
{
	struct plot p = { 0 };
	u32 i;
	int err = 0;

	if (mkdir(dir, 0777) && errno != EEXIST) {
		fprintf(stderr, "fio-wa: cannot make %s: %s\n", dir, strerror(errno));
		return -errno;
	}
	for (i = 0; i < rows && !err; i++) {
		if (p.rows < ARRAY_SIZE(p.row))
			p.row[p.rows++] = &row[i];
		if (i + 1 < rows && !strcmp(row[i + 1].name, row[i].name))
			continue;
		err = draw_file(&p, dir);
		p.rows = 0;
	}
	return err;
}
