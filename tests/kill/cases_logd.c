/* SPDX-License-Identifier: MIT */
#include "cases_log.h"
const struct sweep_case logd_cases[1];
const size_t logd_case_count = 0;
