# SPDX-License-Identifier: GPL-2.0-only
# Golden images of the media format; `tests/media-images/make-images` makes those of
# the version that the core writes, the unit test looks at those of all versions.
image-srcs := tests/media-images/image.c tests/media-images/make.c

host-progs += fio-images
fio-images-srcs := tests/media-images/main.c $(image-srcs)
fio-images-libs := libfioftl libftlsim libnand

unit-tests += test_golden
test_golden-srcs := tests/media-images/test_golden.c $(image-srcs)
test_golden-libs := libfioftltool libfioutil libfioftl libftlsim libvcard libnand
test_golden-ldlibs := -ljson-c
